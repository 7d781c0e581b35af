-- Keep messages for the relay, in their order, and wake it when this commits.
WITH kept AS (
    INSERT INTO monolith_outbox (id, type, partition_key, environment, envelope, status, due_at)
    SELECT
        id, type, partition_key, %(environment)s, envelope,
        CASE WHEN deliver_at > now() THEN 'waiting' ELSE 'ready' END, COALESCE(deliver_at, now())
    FROM unnest(
        %(ids)s::uuid[], %(types)s::text[], %(partition_keys)s::text[], %(envelopes)s::text[], %(deliver_at)s::timestamptz[]
    ) WITH ORDINALITY AS message (id, type, partition_key, envelope, deliver_at, number)
    ORDER BY number
    RETURNING 1
)
SELECT pg_notify('monolith_outbox', %(module)s) FROM kept LIMIT 1
