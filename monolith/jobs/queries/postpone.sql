-- Put a claimed job off that cannot be started here: another worker may know its function, or will later.
UPDATE monolith_job
SET status = 'waiting', claimed_until = NULL, due_at = now() + make_interval(secs => %(pause_s)s)
WHERE id = %(id)s AND fence = %(fence)s AND status = 'ready'
