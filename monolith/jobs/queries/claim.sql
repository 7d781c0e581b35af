-- Keep some ready jobs for one worker, the most urgent first, for a moment in which it starts or loses them.
-- Rows that another worker is looking at are passed over, not waited for, and so are those of what is switched off.
WITH picked AS MATERIALIZED (
    SELECT id FROM monolith_job
    WHERE status = 'ready'
        AND (claimed_until IS NULL OR claimed_until <= now())
        AND (%(heavy)s OR NOT heavy)
        AND NOT EXISTS (SELECT FROM monolith_switch WHERE name = task AND NOT is_on OFFSET 0)
    ORDER BY priority DESC, id
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
)
UPDATE monolith_job AS job
SET claimed_until = now() + make_interval(secs => %(claim_s)s), fence = fence + 1
FROM picked
WHERE job.id = picked.id
RETURNING
    job.id, job.fence, job.task, job.arguments, job.travels, job.priority, job.heavy, job.dedupe_key, job.concurrency_key,
    jsonb_array_length(job.workers) AS attempts, job.ordered
