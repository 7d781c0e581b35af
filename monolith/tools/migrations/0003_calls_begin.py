"""A call that may change something is kept when it begins: its entry takes one outcome afterwards, and nothing else."""

from django.db import migrations, models

KEEP = """
CREATE OR REPLACE FUNCTION keep_tool_calls() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    of_the_end CONSTANT text[] := ARRAY['outcome', 'detail', 'duration_ms'];
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.at < now() - interval '90 days' THEN
            RETURN OLD;
        END IF;
    ELSIF TG_OP = 'UPDATE' THEN
        IF OLD.outcome = 'running' AND NEW.outcome <> 'running'
            AND to_jsonb(NEW) - of_the_end = to_jsonb(OLD) - of_the_end THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION '% of % is refused: the audit of tools only grows', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'object_not_in_prerequisite_state',
              HINT = 'Entries may be deleted once they are 90 days old.';
END
$$;
"""
# The function of 0002 takes back more than this one gives.
KEPT = migrations.RunSQL.noop


class Migration(migrations.Migration):
    dependencies = [("monolith_tools", "0002_keep_calls")]
    operations = [
        migrations.RunSQL(KEEP, KEPT),
        migrations.AddField(
            model_name="decision", name="call_id", field=models.UUIDField(editable=False, null=True)
        ),
        migrations.AlterField(
            model_name="toolcall",
            name="outcome",
            field=models.CharField(
                choices=[
                    ("running", "Running, or nobody saw its end"),
                    ("succeeded", "Succeeded"),
                    ("refused", "Refused"),
                    ("invalid", "Invalid"),
                    ("forbidden", "Forbidden"),
                    ("limited", "Limited"),
                    ("undecided", "Undecided"),
                    ("cancelled", "Cancelled"),
                    ("failed", "Failed"),
                ],
                max_length=10,
            ),
        ),
        migrations.AddIndex(
            model_name="decision",
            index=models.Index(fields=["expires_at"], name="monolith_tools_decision_over"),
        ),
    ]
