-- Ask a person, unless the same is asked already, or was refused and the refusal still holds, or as much waits for a
-- person as may; what is over makes room. One row: the question as it stands, or how many wait where there are too many.
-- Questions at the same time do not count each other: as many more may wait as calls run at once.
WITH expired AS (
    UPDATE monolith_tools_decision SET status = 'expired'
    WHERE token_id = %(token)s AND status IN ('pending', 'approved') AND expires_at <= clock_timestamp()
    RETURNING id
),
known AS (
    SELECT id, status, expires_at FROM monolith_tools_decision
    WHERE token_id = %(token)s AND tool = %(tool)s AND fingerprint = %(fingerprint)s
        AND status IN ('pending', 'approved', 'refused') AND expires_at > clock_timestamp()
    ORDER BY asked_at DESC
    LIMIT 1
),
waiting AS (
    SELECT count(*) AS number FROM monolith_tools_decision
    WHERE token_id = %(token)s AND status = 'pending' AND expires_at > clock_timestamp()
),
asked AS (
    INSERT INTO monolith_tools_decision (id, token_id, tool, arguments, fingerprint, status, expires_at, decided_by)
    SELECT %(id)s, %(token)s, %(tool)s, %(arguments)s, %(fingerprint)s, 'pending',
        clock_timestamp() + make_interval(secs => %(life_s)s), ''
    FROM waiting
    WHERE NOT EXISTS (SELECT FROM known) AND (SELECT count(*) FROM expired) >= 0 AND number < %(at_once)s
    ON CONFLICT DO NOTHING
    RETURNING id, status, expires_at
)
SELECT id, status, expires_at, 0 FROM known
UNION ALL
SELECT id, status, expires_at, 0 FROM asked
UNION ALL
SELECT NULL, '', NULL, number FROM waiting WHERE number >= %(at_once)s AND NOT EXISTS (SELECT FROM known)
