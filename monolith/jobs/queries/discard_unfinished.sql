-- Give up every job of one task that does not run and has not ended.
UPDATE monolith_job
SET status = 'discarded', claimed_until = NULL, fence = fence + 1, finished_at = now()
WHERE task = %(task)s AND status IN ('waiting', 'ready', 'blocked', 'held')
RETURNING id
