-- End an attempt that failed: the job rests and is tried again, or is dead when that was the last attempt.
-- The errors of the last five attempts are kept. An ordered job that is dead parks its key, unless it is to be skipped.
-- The lease says that it runs, not the status: the planner would take the index of running jobs for empty, and read there
-- every job that ran since the last vacuum.
UPDATE monolith_job
SET status = CASE WHEN jsonb_array_length(workers) >= %(attempts)s THEN 'dead' ELSE 'waiting' END,
    finished_at = CASE WHEN jsonb_array_length(workers) >= %(attempts)s THEN clock_timestamp() END,
    due_at = clock_timestamp() + make_interval(secs => %(pause_s)s),
    leased_until = NULL,
    ordered = ordered AND NOT (%(skip)s AND jsonb_array_length(workers) >= %(attempts)s),
    errors = jsonb_path_query_array(errors, '$[last - 3 to last]') || jsonb_build_array(%(error)s::jsonb)
WHERE id = %(id)s AND fence = %(fence)s AND leased_until IS NOT NULL
RETURNING status
