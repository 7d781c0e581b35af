-- Let one job go on of each key that no running job has: the one that freed it may not have seen who waits.
UPDATE monolith_job SET status = 'ready'
WHERE id IN (
    SELECT DISTINCT ON (blocked.concurrency_key) blocked.id
    FROM monolith_job AS blocked
    WHERE blocked.status = 'blocked' AND NOT EXISTS (
        SELECT FROM monolith_job AS other
        WHERE other.status IN ('running', 'ready') AND other.concurrency_key = blocked.concurrency_key
    )
    ORDER BY blocked.concurrency_key, blocked.priority DESC, blocked.id
)
AND status = 'blocked'
RETURNING id
