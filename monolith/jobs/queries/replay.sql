-- Let a job that ended run again, with all of its attempts, and wake the workers when this commits. Its errors stay.
-- The dead one that parks a key goes on in its place; of one that was passed over the order is lost, and so is its key:
-- another of it may be running. A message that was handled is not handled twice.
WITH replayed AS (
    UPDATE monolith_job
    SET status = 'ready', ordered = ordered AND status = 'dead',
        concurrency_key = CASE
            WHEN message_id IS NOT NULL AND NOT (ordered AND status = 'dead') THEN '' ELSE concurrency_key
        END,
        due_at = now(), workers = '[]', result = NULL,
        claimed_until = NULL, leased_until = NULL, started_at = NULL, finished_at = NULL
    WHERE id = %(id)s AND status IN ('dead', 'discarded', 'succeeded')
        AND (message_id IS NULL OR NOT status = 'succeeded')
    RETURNING id
)
SELECT id, pg_notify('monolith_jobs', %(module)s) FROM replayed
