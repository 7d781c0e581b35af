-- Delete what was written in other environments, or in one of them; how many of each.
WITH gone AS (
    DELETE FROM monolith_outbox
    WHERE NOT environment = %(environment)s AND (%(only)s = '' OR environment = %(only)s)
    RETURNING environment
)
SELECT environment, count(*) FROM gone GROUP BY environment ORDER BY environment
