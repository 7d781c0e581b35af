"""The audit of calls only grows, and lets go of what is older than 90 days: by the database, whoever asks."""

from django.db import migrations

KEEP = """
CREATE FUNCTION keep_tool_calls() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.at < now() - interval '90 days' THEN
            RETURN OLD;
        END IF;
    END IF;
    RAISE EXCEPTION '% of % is refused: the audit of tools only grows', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'object_not_in_prerequisite_state',
              HINT = 'Entries may be deleted once they are 90 days old.';
END
$$;
CREATE TRIGGER monolith_tools_call_kept BEFORE UPDATE OR DELETE ON monolith_tools_call
FOR EACH ROW EXECUTE FUNCTION keep_tool_calls();
CREATE TRIGGER monolith_tools_call_not_emptied BEFORE TRUNCATE ON monolith_tools_call
FOR EACH STATEMENT EXECUTE FUNCTION keep_tool_calls();
"""
DROP = """
DROP TRIGGER monolith_tools_call_kept ON monolith_tools_call;
DROP TRIGGER monolith_tools_call_not_emptied ON monolith_tools_call;
DROP FUNCTION keep_tool_calls()
"""


class Migration(migrations.Migration):
    dependencies = [("monolith_tools", "0001_initial")]
    operations = [migrations.RunSQL(KEEP, DROP)]
