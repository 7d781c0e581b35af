-- Give a job up that does not run; it is kept as long as others that ended now. The fence moves on, so that nobody
-- starts it by an old claim.
UPDATE monolith_job
SET status = 'discarded', claimed_until = NULL, fence = fence + 1, finished_at = now()
WHERE id = %(id)s AND status IN ('waiting', 'ready', 'blocked', 'held', 'dead')
RETURNING id
