-- The tasks of the jobs that have not ended, how many there are of each, and since when. One part for each status,
-- because each has an index of its own.
SELECT task, count(*), min(enqueued_at) FROM (
    SELECT task, enqueued_at FROM monolith_job WHERE status = 'waiting'
    UNION ALL
    SELECT task, enqueued_at FROM monolith_job WHERE status = 'ready'
    UNION ALL
    SELECT task, enqueued_at FROM monolith_job WHERE status = 'blocked' AND NOT ordered
    UNION ALL
    SELECT task, enqueued_at FROM monolith_job WHERE status = 'blocked' AND ordered
    UNION ALL
    SELECT task, enqueued_at FROM monolith_job WHERE status = 'held'
    UNION ALL
    SELECT task, enqueued_at FROM monolith_job WHERE status = 'running'
) AS unfinished
GROUP BY task
ORDER BY task
