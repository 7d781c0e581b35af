-- Hand a running job back because its worker has to stop; the attempt does not count.
-- The lease says that it runs, not the status: the planner would take the index of running jobs for empty, and read there
-- every job that ran since the last vacuum.
UPDATE monolith_job
SET status = 'ready', leased_until = NULL, fence = fence + 1,
    workers = workers - (jsonb_array_length(workers) - 1)
WHERE id = %(id)s AND fence = %(fence)s AND leased_until IS NOT NULL
RETURNING id
