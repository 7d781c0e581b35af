-- Dead letters that carry a message, the newest first. One that is ordered parks its key: so many wait behind it.
SELECT
    id, task, message_id, arguments -> 'args' ->> 0, ordered, jsonb_array_length(workers), errors -> -1, finished_at,
    CASE WHEN ordered THEN (
        SELECT count(*) FROM monolith_job AS follower
        WHERE follower.status = 'blocked' AND follower.ordered AND follower.concurrency_key = job.concurrency_key
    ) ELSE 0 END
FROM monolith_job AS job
WHERE status = 'dead' AND message_id IS NOT NULL
    AND (%(subscriber)s = '' OR task = %(subscriber)s)
    AND (%(before)s::bigint IS NULL OR id < %(before)s)
ORDER BY id DESC
LIMIT %(limit)s
