-- Keep a job, and wake the workers when this commits. Where an equal one waits for its start already, that one is
-- brought forward if need be; it does not start before this commits, so that it sees what this transaction wrote.
WITH enqueued AS (
    INSERT INTO monolith_job AS job
        (task, arguments, travels, queue, priority, heavy, status, due_at, dedupe_key, concurrency_key)
    SELECT
        %(task)s, %(arguments)s, %(travels)s, %(queue)s, %(priority)s, %(heavy)s,
        CASE WHEN due.at > now() THEN 'waiting' ELSE 'ready' END, due.at, %(dedupe_key)s, %(concurrency_key)s
    FROM (SELECT COALESCE(%(run_after)s::timestamptz, now()) AS at) AS due
    ON CONFLICT (task, dedupe_key)
        WHERE NOT dedupe_key = '' AND finished_at IS NULL AND started_at IS NULL
        DO UPDATE SET
            due_at = LEAST(job.due_at, EXCLUDED.due_at),
            status = CASE
                WHEN job.status = 'waiting' AND EXCLUDED.status = 'ready' THEN 'ready' ELSE job.status
            END
    RETURNING id
)
SELECT id, pg_notify('monolith_jobs', %(module)s) FROM enqueued
