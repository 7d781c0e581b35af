-- Ask a person, unless the same is asked already or was refused and the refusal still holds; what is over makes room.
WITH expired AS (
    UPDATE monolith_tools_decision SET status = 'expired'
    WHERE token_id = %(token)s AND tool = %(tool)s AND fingerprint = %(fingerprint)s
        AND status IN ('pending', 'approved') AND expires_at <= clock_timestamp()
    RETURNING id
),
known AS (
    SELECT id, status, expires_at FROM monolith_tools_decision
    WHERE token_id = %(token)s AND tool = %(tool)s AND fingerprint = %(fingerprint)s
        AND status IN ('pending', 'approved', 'refused') AND expires_at > clock_timestamp()
    ORDER BY asked_at DESC
    LIMIT 1
),
asked AS (
    INSERT INTO monolith_tools_decision (id, token_id, tool, arguments, fingerprint, status, expires_at, decided_by)
    SELECT %(id)s, %(token)s, %(tool)s, %(arguments)s, %(fingerprint)s, 'pending',
        clock_timestamp() + make_interval(secs => %(life_s)s), ''
    WHERE NOT EXISTS (SELECT FROM known) AND (SELECT count(*) FROM expired) >= 0
    ON CONFLICT DO NOTHING
    RETURNING id, status, expires_at
)
SELECT id, status, expires_at FROM known UNION ALL SELECT id, status, expires_at FROM asked
