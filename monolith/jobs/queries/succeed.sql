-- End a job with its result, unless its lease was lost. That of an ordered one takes the lane of its key, so that messages
-- which are just being kept see the end, or the statement that lets the next one go on sees them.
-- The lease says that it runs, not the status: the planner would take the index of running jobs for empty, and read there
-- every job that ran since the last vacuum.
WITH ended AS (
    UPDATE monolith_job
    SET status = 'succeeded', leased_until = NULL, finished_at = clock_timestamp(), result = %(result)s
    WHERE id = %(id)s AND fence = %(fence)s AND leased_until IS NOT NULL
    RETURNING id, ordered, concurrency_key
),
lane AS MATERIALIZED (
    SELECT lane.id FROM monolith_lane AS lane
    JOIN ended ON ended.ordered AND lane.id = hashtext(ended.concurrency_key) & 63
    FOR UPDATE OF lane
)
SELECT id, (SELECT count(*) FROM lane) FROM ended
