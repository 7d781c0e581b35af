-- Take one call and its cost from what a token has left: a bucket that holds a minute's calls and fills all the time,
-- and units for each day (UTC). One row, which says what was in the way and until when, or nothing when the token ended
-- meanwhile. The lock makes calls at the same time take one after the other what the one before has left.
WITH held AS MATERIALIZED (
    SELECT
        id,
        LEAST(
            calls_a_minute,
            CASE WHEN filled_at IS NULL THEN calls_a_minute
                 ELSE calls_left
                     + GREATEST(0, EXTRACT(EPOCH FROM clock_timestamp() - filled_at)) * calls_a_minute / 60 END
        ) AS calls,
        CASE WHEN spent_on = (clock_timestamp() AT TIME ZONE 'UTC')::date THEN spent_units ELSE 0 END AS spent,
        calls_a_minute, units_a_day
    FROM monolith_tools_token
    WHERE id = %(id)s AND revoked_at IS NULL AND expires_at > clock_timestamp()
    FOR NO KEY UPDATE
),
judged AS (
    SELECT *, calls >= 1 AS has_calls, spent + %(units)s <= units_a_day AS has_units FROM held
),
charged AS (
    UPDATE monolith_tools_token AS token
    SET calls_left = judged.calls - CASE WHEN has_calls AND has_units THEN 1 ELSE 0 END,
        filled_at = clock_timestamp(),
        spent_units = judged.spent + CASE WHEN has_calls AND has_units THEN %(units)s ELSE 0 END,
        spent_on = (clock_timestamp() AT TIME ZONE 'UTC')::date,
        used_at = clock_timestamp()
    FROM judged
    WHERE token.id = judged.id
)
SELECT
    has_calls,
    has_units,
    CASE WHEN calls_a_minute > 0 THEN (1 - calls) * 60.0 / calls_a_minute END,  -- seconds; NULL: never
    GREATEST(0, units_a_day - spent)
FROM judged
