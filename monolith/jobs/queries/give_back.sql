-- Let go of claimed jobs that were not started; the fence moves on, so that nobody starts them by an old claim.
UPDATE monolith_job AS job
SET claimed_until = NULL, fence = job.fence + 1
FROM unnest(%(ids)s::bigint[], %(fences)s::bigint[]) AS mine (id, fence)
WHERE job.id = mine.id AND job.fence = mine.fence AND job.status = 'ready'
