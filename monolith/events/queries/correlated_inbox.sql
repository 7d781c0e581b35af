-- The messages of a correlation that were kept for subscribers. Reads all jobs.
SELECT id, task, status, arguments -> 'args' ->> 0 FROM monolith_job
WHERE message_id IS NOT NULL
    AND (
        travels ->> 'correlation' = %(correlation)s
        OR (task = %(nobody)s AND strpos(arguments -> 'args' ->> 0, %(correlation)s) > 0)
    )
ORDER BY id
LIMIT %(limit)s
