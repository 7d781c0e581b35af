-- Until when jobs of these statuses are forgotten: those that ended too long ago, or before as many others as are kept.
SELECT GREATEST(
    now() - make_interval(secs => %(keep_s)s),
    (
        SELECT finished_at FROM monolith_job
        WHERE finished_at IS NOT NULL AND status = ANY(%(statuses)s)
        ORDER BY finished_at DESC
        OFFSET %(keep_rows)s
        LIMIT 1
    )
)
