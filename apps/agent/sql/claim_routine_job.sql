-- Give the oldest ready routine job of a name to a claimant; those that others look at now are left to them.
WITH next AS MATERIALIZED (
    SELECT id
    FROM agent_routinejob
    WHERE tenant_id = %(tenant)s AND status = 'Ready' AND (%(name)s = '' OR name = %(name)s)
    ORDER BY created_at, id
    LIMIT 1
    FOR UPDATE SKIP LOCKED
)
UPDATE agent_routinejob AS job
SET
    status = 'Claimed', claim_id = %(claim)s, claimed_by = %(holder)s,
    claim_expires_at = clock_timestamp() + %(ttl)s
FROM next
WHERE job.tenant_id = %(tenant)s AND job.id = next.id
RETURNING job.id
