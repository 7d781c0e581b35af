-- End one job and begin the next in one round trip and one commit: both, or neither.
-- The lease says that it runs, not the status: the planner would take the index of running jobs for empty, and read there
-- every job that ran since the last vacuum.
WITH ended AS (
    UPDATE monolith_job
    SET status = 'succeeded', leased_until = NULL, finished_at = clock_timestamp(), result = %(result)s
    WHERE id = %(id)s AND fence = %(fence)s AND leased_until IS NOT NULL
    RETURNING id, ordered, concurrency_key
),
lane AS MATERIALIZED ( -- see succeed.sql
    SELECT lane.id FROM monolith_lane AS lane
    JOIN ended ON ended.ordered AND lane.id = hashtext(ended.concurrency_key) & 63
    FOR UPDATE OF lane
),
started AS (
    UPDATE monolith_job
    SET status = 'running', claimed_until = NULL, started_at = clock_timestamp(),
        leased_until = clock_timestamp() + make_interval(secs => %(lease_s)s),
        workers = workers || to_jsonb(%(worker)s::text)
    WHERE EXISTS (SELECT FROM ended) AND id = (
        SELECT id FROM monolith_job
        WHERE id = %(next_id)s AND fence = %(next_fence)s AND status = 'ready'
        FOR UPDATE SKIP LOCKED -- who steers it may wait for our lane
    )
    RETURNING id
)
SELECT EXISTS (SELECT FROM ended), EXISTS (SELECT FROM started), (SELECT count(*) FROM lane)
