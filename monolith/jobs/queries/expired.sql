-- Running jobs whose lease is over: the process that ran them is gone.
SELECT id, fence, task, concurrency_key, workers ->> -1 AS worker, jsonb_array_length(workers) AS begun, ordered
FROM monolith_job
WHERE status = 'running' AND leased_until <= now()
ORDER BY leased_until
LIMIT %(limit)s
FOR UPDATE SKIP LOCKED
