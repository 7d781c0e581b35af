-- What waits in a module and what died there. Each count stops at %(most)s and reads one small partial index.
WITH ready AS (
    SELECT due_at FROM monolith_job WHERE status = 'ready' ORDER BY priority DESC, id LIMIT %(most)s
),
dead AS (
    SELECT message_id FROM monolith_job WHERE status = 'dead' ORDER BY id LIMIT %(most)s
),
unsent AS (
    SELECT due_at FROM monolith_outbox
    WHERE status = 'ready' AND environment = %(environment)s
    ORDER BY position LIMIT %(most)s
)
SELECT
    (SELECT count(*) FROM ready),
    (SELECT count(*) FROM unsent),
    (SELECT count(*) FROM dead WHERE message_id IS NULL),
    (SELECT count(*) FROM dead WHERE message_id IS NOT NULL),
    EXTRACT(
        EPOCH FROM clock_timestamp() - LEAST((SELECT min(due_at) FROM ready), (SELECT min(due_at) FROM unsent))
    )::float8
