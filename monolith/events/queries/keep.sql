-- Keep messages for their subscribers, each once, and wake the workers when this commits. Of an ordered key the first
-- may run if nothing of the key is before it; a dead one is, as it parks the key.
WITH incoming AS (
    SELECT DISTINCT ON (task, message_id) *
    FROM unnest(
        %(tasks)s::text[], %(messages)s::uuid[], %(arguments)s::text[], %(travels)s::text[], %(keys)s::text[],
        %(heavy)s::boolean[], %(priorities)s::int[]
    ) WITH ORDINALITY AS message (task, message_id, arguments, travels, key, heavy, priority, number)
    WHERE NOT EXISTS (
        SELECT FROM monolith_job AS known
        WHERE known.message_id = message.message_id AND known.task = message.task
    )
    ORDER BY task, message_id, number
),
busy AS MATERIALIZED (
    SELECT keys.key
    FROM (SELECT DISTINCT key FROM incoming WHERE NOT key = '') AS keys
    WHERE EXISTS (
        SELECT FROM monolith_job
        WHERE ordered AND (finished_at IS NULL OR status = 'dead') AND concurrency_key = keys.key
        OFFSET 0
    )
),
placed AS MATERIALIZED (
    SELECT *, row_number() OVER (PARTITION BY key ORDER BY number) AS place FROM incoming
),
kept AS (
    INSERT INTO monolith_job
        (task, message_id, arguments, travels, concurrency_key, ordered, heavy, priority, status)
    SELECT
        task, message_id, arguments::jsonb, travels::jsonb, key, NOT key = '', heavy, priority,
        CASE WHEN NOT key = '' AND (place > 1 OR key IN (SELECT key FROM busy)) THEN 'blocked' ELSE 'ready' END
    FROM placed
    ORDER BY number
    RETURNING status
)
SELECT count(*), CASE WHEN count(*) FILTER (WHERE status = 'ready') > 0 THEN pg_notify('monolith_jobs', %(module)s) END
FROM kept
