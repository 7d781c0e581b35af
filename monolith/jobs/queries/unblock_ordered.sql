-- Let the next of an ordered key go on: the first that has not succeeded, unless it runs, rests or parks the key.
-- To be executed in the transaction that ended the one before, which has the lock of the key (succeed.sql).
UPDATE monolith_job SET status = 'ready'
WHERE status = 'blocked' AND id = (
    SELECT id FROM monolith_job
    WHERE ordered AND (finished_at IS NULL OR status = 'dead') AND concurrency_key = %(concurrency_key)s
    ORDER BY id
    LIMIT 1
)
