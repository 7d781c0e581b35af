-- The job of a dedupe key that waits for its start.
SELECT id FROM monolith_job
WHERE task = %(task)s AND dedupe_key = %(dedupe_key)s AND NOT dedupe_key = ''
    AND finished_at IS NULL AND started_at IS NULL
