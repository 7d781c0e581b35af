-- Let the first of each ordered key go on that nothing is before: what was before it was deleted, or moved by hand.
-- Steps from key to key among the blocked ones.
WITH RECURSIVE keys AS (
    SELECT min(concurrency_key) AS key FROM monolith_job WHERE status = 'blocked' AND ordered
    UNION ALL
    SELECT (
        SELECT min(concurrency_key) FROM monolith_job
        WHERE status = 'blocked' AND ordered AND concurrency_key > keys.key
    )
    FROM keys
    WHERE keys.key IS NOT NULL
)
UPDATE monolith_job AS job SET status = 'ready'
FROM keys CROSS JOIN LATERAL (
    SELECT id FROM monolith_job
    WHERE ordered AND (finished_at IS NULL OR status = 'dead') AND concurrency_key = keys.key
    ORDER BY id
    LIMIT 1
) AS first
WHERE job.id = first.id AND job.status = 'blocked'
RETURNING job.id
