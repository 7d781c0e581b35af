-- How many messages wait for the broker, since when the oldest of them does, how many wait for their time, and how many
-- are of other environments.
SELECT
    count(*) FILTER (WHERE status = 'ready' AND environment = %(environment)s),
    EXTRACT(
        EPOCH FROM clock_timestamp() - min(due_at) FILTER (WHERE status = 'ready' AND environment = %(environment)s)
    )::float8,
    count(*) FILTER (WHERE status = 'waiting' AND environment = %(environment)s),
    count(*) FILTER (WHERE NOT environment = %(environment)s)
FROM monolith_outbox
