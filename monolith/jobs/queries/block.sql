-- Park a claimed job whose concurrency key is taken by a running one.
UPDATE monolith_job SET status = 'blocked', claimed_until = NULL
WHERE id = %(id)s AND fence = %(fence)s AND status = 'ready'
