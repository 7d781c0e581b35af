"""A claim is of one job: the constraint, and before it an end to the claims that hold several."""

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from monolith.tenancy.data_migrations import all_tenants

# Of the jobs of one claim it keeps the one that it was last shown to live for; where none says so, the one that a
# repeated claim was answered with. Its claimant may not know of the others: those that have not ended are in doubt.
PART = """
WITH ranked AS (
    SELECT tenant_id, id, row_number() OVER (
        PARTITION BY tenant_id, claim_id
        ORDER BY claim_expires_at DESC NULLS LAST, created_at DESC, id DESC
    ) AS place
    FROM agent_routinejob
    WHERE claim_id IS NOT NULL
)
UPDATE agent_routinejob AS job
SET
    status = CASE job.status WHEN 'Claimed' THEN 'Unknown' ELSE job.status END,
    claim_id = NULL, claim_expires_at = NULL
FROM ranked
WHERE job.tenant_id = ranked.tenant_id AND job.id = ranked.id AND ranked.place > 1
"""


def part_claims(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    with all_tenants(schema_editor, "agent_routinejob"):
        schema_editor.execute(PART, params=None)


class Migration(migrations.Migration):
    dependencies = [("agent", "0002_tenants_and_states")]

    operations = [
        migrations.RunPython(part_claims, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="routinejob",
            constraint=models.UniqueConstraint(
                fields=("tenant_id", "claim_id"),
                condition=models.Q(("claim_id__isnull", False)),
                name="agent_routine_claim_key",
            ),
        ),
    ]
