-- Whether more jobs wait than may: for a worker, for the one before them, or to be switched on. Reads small indexes, and of
-- each no more than decides.
SELECT sum(waiting) > %(limit)s FROM (
    SELECT count(*) AS waiting FROM (SELECT FROM monolith_job WHERE status = 'ready' LIMIT %(limit)s + 1) AS ready
    UNION ALL
    SELECT count(*) FROM (
        SELECT FROM monolith_job WHERE status = 'blocked' AND ordered LIMIT %(limit)s + 1
    ) AS blocked
    UNION ALL
    SELECT count(*) FROM (SELECT FROM monolith_job WHERE status = 'held' LIMIT %(limit)s + 1) AS held
) AS counts
