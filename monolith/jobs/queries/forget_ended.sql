-- Delete some jobs of these statuses that ended until a moment, the oldest first. A message is kept for a day, however
-- many came after it: it may come again. One that parks its key is kept as long as its age allows, or others would pass.
-- The next batch goes on where this one ended: what is deleted stays in the index for a while, and looking at it again
-- would make each batch slower.
WITH old AS (
    SELECT id FROM monolith_job
    WHERE status = ANY(%(statuses)s)
        AND (%(task)s = '' OR task = %(task)s)
        AND finished_at <= %(until)s
        AND (message_id IS NULL OR finished_at <= now() - interval '1 day')
        AND NOT (ordered AND status = 'dead' AND finished_at > now() - make_interval(secs => %(keep_s)s))
        AND finished_at >= COALESCE(%(from)s::timestamptz, '-infinity')
    ORDER BY finished_at
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
),
deleted AS (
    DELETE FROM monolith_job USING old WHERE monolith_job.id = old.id
    RETURNING finished_at
)
SELECT count(*), max(finished_at) FROM deleted
