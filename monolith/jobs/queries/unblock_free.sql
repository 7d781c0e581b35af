-- Let one job go on of each key that no running or ready job has: the one that freed it may not have seen who waits.
-- Steps from key to key in the index, so what waits behind the first of a key is not read, nor are jobs without a key.
-- OFFSET 0 keeps the planner from joining all ready jobs that have keys, which it cannot know how many are.
WITH RECURSIVE keys AS (
    SELECT min(concurrency_key) AS key FROM monolith_job WHERE status = 'blocked' AND NOT ordered
    UNION ALL
    SELECT (SELECT min(concurrency_key) FROM monolith_job WHERE status = 'blocked' AND NOT ordered AND concurrency_key > keys.key)
    FROM keys
    WHERE keys.key IS NOT NULL
),
freed AS MATERIALIZED (
    SELECT first.id
    FROM keys
    CROSS JOIN LATERAL (
        SELECT id FROM monolith_job
        WHERE status = 'blocked' AND NOT ordered AND concurrency_key = keys.key
        ORDER BY priority DESC, id
        LIMIT 1
        FOR UPDATE SKIP LOCKED
    ) AS first
    WHERE NOT EXISTS (
        SELECT FROM monolith_job
        WHERE status = 'running' AND concurrency_key = keys.key AND NOT concurrency_key = ''
        OFFSET 0
    )
    AND NOT EXISTS (
        SELECT FROM monolith_job
        WHERE status = 'ready' AND concurrency_key = keys.key AND NOT concurrency_key = ''
        OFFSET 0
    )
)
UPDATE monolith_job AS job SET status = 'ready'
FROM freed
WHERE job.id = freed.id
RETURNING job.id
