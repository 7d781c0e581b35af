-- Whether more jobs are ready than may wait here.
SELECT EXISTS (SELECT FROM monolith_job WHERE status = 'ready' ORDER BY priority DESC, id OFFSET %(limit)s)
