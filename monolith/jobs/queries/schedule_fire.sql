-- Keep the job of a tick, and wake the workers when this commits. No row: an equal one already waits for its start,
-- or this tick has its job.
WITH fired AS (
    INSERT INTO monolith_job
        (task, arguments, queue, priority, heavy, status, due_at, dedupe_key, concurrency_key, schedule, tick)
    VALUES (
        %(task)s, '{"args": [], "kwargs": {}}', %(queue)s, %(priority)s, %(heavy)s,
        CASE WHEN %(due_at)s > %(now)s THEN 'waiting' ELSE 'ready' END, %(due_at)s,
        %(dedupe_key)s, %(concurrency_key)s, %(task)s, %(tick)s
    )
    ON CONFLICT DO NOTHING
    RETURNING id
)
SELECT id, pg_notify('monolith_jobs', %(module)s) FROM fired
