-- Let jobs run as others do that were enqueued as heavy by an older version of their task.
UPDATE monolith_job SET heavy = false
WHERE heavy AND finished_at IS NULL AND NOT task = ANY(%(heavy)s)
