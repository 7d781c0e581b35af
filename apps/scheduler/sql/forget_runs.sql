-- Keep the newest runs of each task of each module, none of them older than some days: a task that is gone loses its
-- last ones in time.
DELETE FROM scheduler_run WHERE finished_at < now() - make_interval(days => %(days)s) OR id IN (
    SELECT id FROM (
        SELECT id, row_number() OVER (PARTITION BY module, task ORDER BY finished_at DESC, id DESC) AS place
        FROM scheduler_run
    ) AS placed
    WHERE place > %(newest)s
)
