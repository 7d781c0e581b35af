-- Let go of calls, decisions and tokens that ended so many days ago, some of each at a time; of calls the table's
-- trigger lets nobody delete younger ones. Each call of this statement says how many went.
WITH calls AS (
    DELETE FROM monolith_tools_call
    WHERE id IN (
        SELECT id FROM monolith_tools_call
        WHERE at < now() - make_interval(days => %(days)s)
        ORDER BY at
        LIMIT %(limit)s
        FOR UPDATE SKIP LOCKED
    )
    RETURNING id
),
decisions AS (
    DELETE FROM monolith_tools_decision
    WHERE id IN (
        SELECT id FROM monolith_tools_decision
        WHERE expires_at < now() - make_interval(days => %(days)s)
        ORDER BY expires_at
        LIMIT %(limit)s
        FOR UPDATE SKIP LOCKED
    )
    RETURNING id
),
tokens AS (
    DELETE FROM monolith_tools_token
    WHERE id IN (
        SELECT id FROM monolith_tools_token AS token
        WHERE LEAST(expires_at, COALESCE(revoked_at, expires_at)) < now() - make_interval(days => %(days)s)
            -- What stands as this statement begins; those that lost their decisions just now go the next time.
            AND NOT EXISTS (SELECT FROM monolith_tools_decision AS decision WHERE decision.token_id = token.id)
        LIMIT %(limit)s
        FOR UPDATE SKIP LOCKED
    )
    RETURNING id
)
SELECT (SELECT count(*) FROM calls), (SELECT count(*) FROM decisions), (SELECT count(*) FROM tokens)
