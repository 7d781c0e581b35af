-- Keep some ready jobs for one worker, the most urgent first, for a moment in which it starts or loses them; and begin the
-- first of them in the same commit, where it is of a task whose lease is given and nothing but its order may keep it
-- waiting: others of its key are held up by the index.
-- Rows that another worker is looking at are passed over, not waited for, and so are those of what is switched off.
WITH picked AS MATERIALIZED (
    SELECT id, priority, task, ordered, concurrency_key FROM monolith_job
    WHERE status = 'ready'
        AND (claimed_until IS NULL OR claimed_until <= now())
        AND (%(heavy)s OR NOT heavy)
        AND NOT EXISTS (SELECT FROM monolith_switch WHERE name = task AND NOT is_on OFFSET 0)
    ORDER BY priority DESC, id
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
),
placed AS (
    SELECT
        id,
        (%(leases)s::jsonb ->> task)::int AS lease_s,
        (ordered OR concurrency_key = '') AND %(leases)s::jsonb ? task
            AND row_number() OVER (ORDER BY priority DESC, id) = 1 AS begins
    FROM picked
)
UPDATE monolith_job AS job
SET fence = fence + 1,
    claimed_until = CASE WHEN NOT begins THEN now() + make_interval(secs => %(claim_s)s) END,
    status = CASE WHEN begins THEN 'running' ELSE status END,
    started_at = CASE WHEN begins THEN clock_timestamp() ELSE started_at END,
    leased_until = CASE WHEN begins THEN clock_timestamp() + make_interval(secs => lease_s) END,
    workers = CASE WHEN begins THEN workers || to_jsonb(%(worker)s::text) ELSE workers END
FROM placed
WHERE job.id = placed.id
RETURNING
    job.id, job.fence, job.task, job.arguments, job.travels, job.priority, job.heavy, job.dedupe_key, job.concurrency_key,
    jsonb_array_length(job.workers) - begins::int AS attempts, job.ordered, begins
