-- Lead, if nobody does: the lease is new, was let go or is over. One row in any case: our fence, or NULL and who leads.
-- clock_timestamp(), because a statement may wait for the row's lock, and now() is when it began to.
WITH taken AS (
    INSERT INTO monolith_lease AS lease (deployment, name, holder, fence, expires_at)
    VALUES (
        %(deployment)s, %(name)s, %(holder)s, 1, clock_timestamp() + make_interval(secs => %(lease_s)s)
    )
    ON CONFLICT (deployment, name) DO UPDATE
    SET holder = EXCLUDED.holder, fence = lease.fence + 1,
        expires_at = clock_timestamp() + make_interval(secs => %(lease_s)s)
    WHERE lease.enabled AND lease.expires_at <= clock_timestamp()
    RETURNING fence
)
SELECT
    taken.fence, lease.holder, COALESCE(lease.enabled, TRUE),
    COALESCE(EXTRACT(EPOCH FROM lease.expires_at - clock_timestamp()), 0)::float8
FROM (SELECT) AS one
LEFT JOIN taken ON TRUE
LEFT JOIN monolith_lease AS lease ON lease.deployment = %(deployment)s AND lease.name = %(name)s
