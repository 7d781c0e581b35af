-- How many messages wait for the broker, since when the oldest of them does, and how many are of other environments.
SELECT
    count(*) FILTER (WHERE environment = %(environment)s),
    EXTRACT(EPOCH FROM clock_timestamp() - min(due_at) FILTER (WHERE environment = %(environment)s))::float8,
    count(*) FILTER (WHERE NOT environment = %(environment)s)
FROM monolith_outbox WHERE status = 'ready'
