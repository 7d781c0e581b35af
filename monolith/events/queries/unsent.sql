-- What the broker does not have yet, in the order of sending. Only what was written in this environment: a copy of
-- another one's database sends nothing of what that had to say.
-- At most `limit` messages, and none beyond the one that reaches `max_bytes`.
SELECT id, type, envelope
FROM (
    SELECT id, type, envelope, position,
           sum(octet_length(envelope)) OVER (ORDER BY position) - octet_length(envelope) AS before
    FROM (
        SELECT id, type, envelope, position FROM monolith_outbox
        WHERE status = 'ready' AND environment = %(environment)s
        ORDER BY position
        LIMIT %(limit)s
    ) AS first
) AS measured
WHERE before < %(max_bytes)s
ORDER BY position
