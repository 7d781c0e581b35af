-- End a job with its result, unless its lease was lost.
-- The lease says that it runs, not the status: the planner would take the index of running jobs for empty, and read there
-- every job that ran since the last vacuum.
UPDATE monolith_job
SET status = 'succeeded', leased_until = NULL, finished_at = clock_timestamp(), result = %(result)s
WHERE id = %(id)s AND fence = %(fence)s AND leased_until IS NOT NULL
RETURNING id
