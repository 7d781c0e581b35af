-- A job that ended, as it is told to others.
SELECT task, schedule, status, jsonb_array_length(workers), enqueued_at, started_at, finished_at, errors -> -1 ->> 'type'
FROM monolith_job WHERE id = %(id)s AND finished_at IS NOT NULL
