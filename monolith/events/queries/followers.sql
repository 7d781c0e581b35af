-- How many messages wait behind one that parks its key.
SELECT count(*) FROM monolith_job AS job
JOIN monolith_job AS follower
    ON follower.status = 'blocked' AND follower.ordered AND follower.concurrency_key = job.concurrency_key
WHERE job.id = %(id)s AND job.ordered
