-- The running jobs of one worker process.
SELECT id, fence, task, concurrency_key, workers ->> -1 AS worker, jsonb_array_length(workers) AS begun, ordered FROM monolith_job
WHERE status = 'running' AND workers ->> -1 = %(worker)s
FOR UPDATE SKIP LOCKED
