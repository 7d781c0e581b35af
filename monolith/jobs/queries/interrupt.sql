-- Hand a running job back because its worker has to stop; the attempt does not count.
UPDATE monolith_job
SET status = 'ready', leased_until = NULL, fence = fence + 1,
    workers = workers - (jsonb_array_length(workers) - 1)
WHERE id = %(id)s AND fence = %(fence)s AND status = 'running'
RETURNING id
