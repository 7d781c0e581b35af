-- Let go of calls and decisions that ended so many days ago, some of each at a time; of calls the table's trigger lets
-- nobody delete younger ones. Each call of this statement says how many went. Tokens stay: what is granted to
-- `token:<name>` would be whose who takes the name next.
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
)
SELECT (SELECT count(*) FROM calls), (SELECT count(*) FROM decisions)
