-- Make jobs ready whose time has come.
UPDATE monolith_job SET status = 'ready'
WHERE id IN (
    SELECT id FROM monolith_job
    WHERE status = 'waiting' AND due_at <= now()
    ORDER BY due_at
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
)
RETURNING id
