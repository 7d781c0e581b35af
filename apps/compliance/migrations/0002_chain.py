"""The triggers that chain audit entries, keep them, and record what is done to rules and grants.

Names are qualified: the writer's search_path must not choose another table. All of it runs with the writer's rights.
"""

from django.db import migrations

# Gives an entry its place: the head's row lock lets one writer of a tenant in at a time, to the end of its transaction.
# The lock comes before the one update, so that a head leaves one dead row version per entry and not two.
# Time is the database's, taken under that lock, so that it never runs back along a chain while the clock does not.
CHAIN = """
CREATE FUNCTION chain_audit_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    LOOP
        SELECT head.position + 1, head.hash INTO NEW.position, NEW.previous
        FROM compliance.compliance_audithead AS head WHERE head.tenant = NEW.tenant FOR UPDATE;
        EXIT WHEN FOUND;
        INSERT INTO compliance.compliance_audithead (tenant, position, hash)
        VALUES (NEW.tenant, 0, repeat('0', 64)) ON CONFLICT (tenant) DO NOTHING;
    END LOOP;
    NEW.content := NEW.content || jsonb_build_object(
        'tenant', NEW.tenant,
        'position', NEW.position,
        'at', to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
    );
    NEW.hash := encode(sha256(convert_to(NEW.previous || NEW.content::text, 'UTF8')), 'hex');
    UPDATE compliance.compliance_audithead SET position = NEW.position, hash = NEW.hash WHERE tenant = NEW.tenant;
    RETURN NEW;
END
$$;
CREATE TRIGGER compliance_auditentry_chained BEFORE INSERT ON compliance_auditentry
FOR EACH ROW EXECUTE FUNCTION chain_audit_entry();
"""
DROP_CHAIN = (
    "DROP TRIGGER compliance_auditentry_chained ON compliance_auditentry; DROP FUNCTION chain_audit_entry()"
)

# An entry is for good. Only the owner of the table could switch this off, and no serving process is that.
KEEP = """
CREATE FUNCTION keep_audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused: the audit only grows', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'object_not_in_prerequisite_state',
              HINT = 'Write another entry that says what is wrong with the first.';
END
$$;
CREATE TRIGGER compliance_auditentry_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON compliance_auditentry
FOR EACH STATEMENT EXECUTE FUNCTION keep_audit();
CREATE TRIGGER compliance_audithead_kept BEFORE DELETE OR TRUNCATE ON compliance_audithead
FOR EACH STATEMENT EXECUTE FUNCTION keep_audit();
-- A head moves when an entry is chained, which is a trigger at work, and never by a statement of its own.
CREATE TRIGGER compliance_audithead_moved BEFORE INSERT OR UPDATE ON compliance_audithead
FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION keep_audit();
"""
DROP_KEEP = """
DROP TRIGGER compliance_auditentry_kept ON compliance_auditentry;
DROP TRIGGER compliance_audithead_kept ON compliance_audithead;
DROP TRIGGER compliance_audithead_moved ON compliance_audithead;
DROP FUNCTION keep_audit()
"""

# Says what changed, whoever changes it and how: a service, the admin site, or one UPDATE of all. `by` is what
# `audit.changing` set for the transaction; without it, the role.
RECORD = """
CREATE FUNCTION record_change() RETURNS trigger LANGUAGE plpgsql SET timezone = 'UTC' AS $$
DECLARE
    changed constant jsonb := to_jsonb(coalesce(NEW, OLD));
BEGIN
    IF TG_OP <> 'UPDATE' OR NEW IS DISTINCT FROM OLD THEN
        INSERT INTO compliance.compliance_auditentry (tenant, content)
        VALUES (
            coalesce(changed ->> 'tenant', ''),
            jsonb_build_object(
                'event', format('%s.%s', TG_ARGV[0], CASE TG_OP
                    WHEN 'INSERT' THEN 'made' WHEN 'UPDATE' THEN 'changed' ELSE 'deleted' END),
                'by', coalesce(nullif(current_setting('compliance.actor', true), ''), 'role:' || session_user),
                'subject', changed -> 'subject',
                'before', to_jsonb(OLD),
                'after', to_jsonb(NEW)
            )
        );
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER compliance_rule_recorded AFTER INSERT OR UPDATE OR DELETE ON compliance_rule
FOR EACH ROW EXECUTE FUNCTION record_change('rule');
CREATE TRIGGER compliance_grant_recorded AFTER INSERT OR UPDATE OR DELETE ON compliance_grant
FOR EACH ROW EXECUTE FUNCTION record_change('grant');
"""
DROP_RECORD = """
DROP TRIGGER compliance_rule_recorded ON compliance_rule;
DROP TRIGGER compliance_grant_recorded ON compliance_grant;
DROP FUNCTION record_change()
"""


class Migration(migrations.Migration):
    dependencies = [("compliance", "0001_initial")]

    operations = [
        migrations.RunSQL(CHAIN, DROP_CHAIN),
        migrations.RunSQL(KEEP, DROP_KEEP),
        migrations.RunSQL(RECORD, DROP_RECORD),
    ]
