-- Let a job that ended run again, with all of its attempts, and wake the workers when this commits. Its errors stay.
WITH replayed AS (
    UPDATE monolith_job
    SET status = 'ready', due_at = now(), workers = '[]', result = NULL,
        claimed_until = NULL, leased_until = NULL, started_at = NULL, finished_at = NULL
    WHERE id = %(id)s AND status IN ('dead', 'discarded', 'succeeded')
    RETURNING id
)
SELECT id, pg_notify('monolith_jobs', %(module)s) FROM replayed
