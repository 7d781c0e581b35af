-- Take a lock that is free or whose time is over, under a new id; no row when another holds it.
-- One statement: of several that try at once, one gets it. Time is the database's.
INSERT INTO agent_lock (tenant_id, id, name, holder, acquired_at, expires_at)
VALUES (
    %(tenant)s, %(id)s, %(name)s, %(holder)s, clock_timestamp(), clock_timestamp() + %(ttl)s
)
ON CONFLICT (tenant_id, name) DO UPDATE
SET
    id = excluded.id, holder = excluded.holder,
    acquired_at = excluded.acquired_at, expires_at = excluded.expires_at
WHERE agent_lock.expires_at <= clock_timestamp()
RETURNING id
