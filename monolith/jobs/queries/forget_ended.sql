-- Delete some jobs of these statuses that ended too long ago, or before as many others as are kept; the oldest first.
WITH old AS (
    SELECT id FROM monolith_job
    WHERE status = ANY(%(statuses)s)
        AND (%(task)s = '' OR task = %(task)s)
        AND finished_at <= GREATEST(
            now() - make_interval(secs => %(keep_s)s),
            (
                SELECT finished_at FROM monolith_job
                WHERE finished_at IS NOT NULL AND status = ANY(%(statuses)s)
                ORDER BY finished_at DESC
                OFFSET %(keep_rows)s
                LIMIT 1
            )
        )
    ORDER BY finished_at
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
)
DELETE FROM monolith_job USING old WHERE monolith_job.id = old.id
