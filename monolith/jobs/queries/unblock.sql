-- Let the first job go on that waits for this key.
UPDATE monolith_job SET status = 'ready'
WHERE id = (
    SELECT id FROM monolith_job
    WHERE status = 'blocked' AND NOT ordered AND concurrency_key = %(concurrency_key)s
    ORDER BY priority DESC, id
    LIMIT 1
    FOR UPDATE SKIP LOCKED
)
