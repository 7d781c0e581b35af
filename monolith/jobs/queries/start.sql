-- Begin an attempt, unless somebody else claimed the job meanwhile, or is just enqueuing its equal.
-- clock_timestamp(), because a transaction that ends one job starts the next, and now() is when that one began.
UPDATE monolith_job
SET status = 'running', claimed_until = NULL, started_at = clock_timestamp(),
    leased_until = clock_timestamp() + make_interval(secs => %(lease_s)s),
    workers = workers || to_jsonb(%(worker)s::text)
WHERE id = (
    SELECT id FROM monolith_job
    WHERE id = %(id)s AND fence = %(fence)s AND status = 'ready'
    FOR UPDATE SKIP LOCKED
)
RETURNING id
