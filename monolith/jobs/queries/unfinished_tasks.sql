-- The tasks of the jobs that have not ended, how many there are of each, and since when.
SELECT task, count(*), min(enqueued_at) FROM monolith_job
WHERE status IN ('waiting', 'ready', 'blocked', 'running')
GROUP BY task
ORDER BY task
