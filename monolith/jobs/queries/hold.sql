-- Put jobs aside that are ready and whose task is switched off, so that a claim does not read over them each time.
UPDATE monolith_job SET status = 'held', claimed_until = NULL
WHERE id IN (
    SELECT id FROM monolith_job
    WHERE status = 'ready' AND task = ANY(ARRAY(SELECT name FROM monolith_switch WHERE NOT is_on))
        AND (claimed_until IS NULL OR claimed_until <= now())
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
)
RETURNING id
