-- End a job with its result, unless its lease was lost.
UPDATE monolith_job
SET status = 'succeeded', leased_until = NULL, finished_at = clock_timestamp(), result = %(result)s
WHERE id = %(id)s AND fence = %(fence)s AND status = 'running'
RETURNING id
