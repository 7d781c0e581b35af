"""What Django does not say: keys that begin with the tenant, row-level security, and how a call may move.

Names are qualified where code runs later: the writer's search_path must not choose another table.
"""

from django.db import migrations

from monolith.tenancy.operations import IsolateTenants

TABLES = (
    "agent_submission",
    "agent_servicecall",
    "agent_timer",
    "agent_attempt",
    "agent_lock",
    "agent_routinejob",
    "agent_decision",
)

# Django's models know `id` alone; here the same id may stand in two tenants, and neither learns of the other's.
LEAD_KEYS = ";\n".join(
    f"ALTER TABLE {table} DROP CONSTRAINT {table}_pkey, ADD PRIMARY KEY (tenant_id, id)" for table in TABLES
)
SHORTEN_KEYS = ";\n".join(
    f"ALTER TABLE {table} DROP CONSTRAINT {table}_pkey, ADD PRIMARY KEY (id)" for table in TABLES
)

# An attempt, and a timer, is of a call of the same tenant.
REFER = """
ALTER TABLE agent_attempt ADD CONSTRAINT agent_attempt_call
    FOREIGN KEY (tenant_id, id) REFERENCES agent_servicecall (tenant_id, id);
ALTER TABLE agent_timer ADD CONSTRAINT agent_timer_call
    FOREIGN KEY (tenant_id, id) REFERENCES agent_servicecall (tenant_id, id);
"""
DROP_REFER = """
ALTER TABLE agent_attempt DROP CONSTRAINT agent_attempt_call;
ALTER TABLE agent_timer DROP CONSTRAINT agent_timer_call;
"""

# The state machine, for every writer: Scheduled, then Running, then Succeeded or Failed, or Failed at once when it is
# cancelled. What has ended stays as it ended, until it is removed; what has not ended is not removed.
MOVE = """
CREATE FUNCTION guard_call() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' AND NEW.status <> 'Scheduled' THEN
        RAISE EXCEPTION 'a call begins as Scheduled, not %', NEW.status
            USING ERRCODE = 'object_not_in_prerequisite_state';
    ELSIF TG_OP = 'DELETE' AND OLD.status NOT IN ('Succeeded', 'Failed') THEN
        RAISE EXCEPTION 'call % is %, and is not removed before it ended', OLD.id, OLD.status
            USING ERRCODE = 'object_not_in_prerequisite_state';
    ELSIF TG_OP = 'UPDATE' THEN
        IF OLD.status IN ('Succeeded', 'Failed') THEN
            RAISE EXCEPTION 'call % has ended as %, and stays so', OLD.id, OLD.status
                USING ERRCODE = 'object_not_in_prerequisite_state';
        ELSIF (OLD.status, NEW.status) NOT IN (
            ('Scheduled', 'Scheduled'), ('Scheduled', 'Running'), ('Scheduled', 'Failed'),
            ('Running', 'Succeeded'), ('Running', 'Failed')
        ) THEN
            RAISE EXCEPTION 'call % does not move from % to %', OLD.id, OLD.status, NEW.status
                USING ERRCODE = 'object_not_in_prerequisite_state';
        ELSIF (NEW.id, NEW.tenant_id, NEW.name, NEW.request, NEW.idempotency_key)
            IS DISTINCT FROM (OLD.id, OLD.tenant_id, OLD.name, OLD.request, OLD.idempotency_key) THEN
            RAISE EXCEPTION 'call % is what was submitted; only its due time moves', OLD.id
                USING ERRCODE = 'object_not_in_prerequisite_state';
        END IF;
    END IF;
    RETURN coalesce(NEW, OLD);
END
$$;
CREATE TRIGGER agent_servicecall_guarded BEFORE INSERT OR UPDATE OR DELETE ON agent_servicecall
FOR EACH ROW EXECUTE FUNCTION guard_call();
"""
DROP_MOVE = "DROP TRIGGER agent_servicecall_guarded ON agent_servicecall; DROP FUNCTION guard_call()"


class Migration(migrations.Migration):
    dependencies = [("agent", "0001_initial")]

    operations = [
        migrations.RunSQL(LEAD_KEYS, SHORTEN_KEYS),
        migrations.RunSQL(REFER, DROP_REFER),
        IsolateTenants(*TABLES),
        migrations.RunSQL(MOVE, DROP_MOVE),
    ]
