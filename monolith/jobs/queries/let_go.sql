-- Make ready what was put aside and whose task is switched on.
UPDATE monolith_job SET status = 'ready'
WHERE id IN (
    SELECT id FROM monolith_job
    WHERE status = 'held' AND NOT task = ANY(ARRAY(SELECT name FROM monolith_switch WHERE NOT is_on))
    ORDER BY id
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
)
RETURNING id
