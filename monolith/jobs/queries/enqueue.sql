-- Keep a job, and wake the workers when this commits. No row: an equal one already waits for its start.
WITH enqueued AS (
    INSERT INTO monolith_job
        (task, arguments, travels, queue, priority, heavy, status, due_at, dedupe_key, concurrency_key)
    SELECT
        %(task)s, %(arguments)s, %(travels)s, %(queue)s, %(priority)s, %(heavy)s,
        CASE WHEN due.at > now() THEN 'waiting' ELSE 'ready' END, due.at, %(dedupe_key)s, %(concurrency_key)s
    FROM (SELECT COALESCE(%(run_after)s::timestamptz, now()) AS at) AS due
    ON CONFLICT (task, dedupe_key)
        WHERE NOT dedupe_key = '' AND finished_at IS NULL AND started_at IS NULL
        DO NOTHING
    RETURNING id
)
SELECT id, pg_notify('monolith_jobs', %(module)s) FROM enqueued
