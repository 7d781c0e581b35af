-- Delete some jobs that ended long ago, the oldest first.
DELETE FROM monolith_job
WHERE id IN (
    SELECT id FROM monolith_job
    WHERE finished_at < now() - make_interval(secs => %(keep_s)s) AND (%(dead)s OR status <> 'dead')
    ORDER BY finished_at
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
)
