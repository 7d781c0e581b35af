-- What the broker does not have yet, in the order of sending, and beside it the seconds until a message is due that waits
-- for its time: one row of that alone when there is nothing to send. Only what was written in this environment: a copy
-- of another one's database sends nothing of what that had to say.
-- At most `limit` messages, and none beyond the one that reaches `max_bytes`.
SELECT next.due_s, message.id, message.type, message.envelope
FROM (
    SELECT EXTRACT(EPOCH FROM min(due_at) - clock_timestamp())::float8 AS due_s FROM monolith_outbox
    WHERE status = 'waiting' AND environment = %(environment)s
) AS next
LEFT JOIN (
    SELECT id, type, envelope, position,
           sum(octet_length(envelope)) OVER (ORDER BY position) - octet_length(envelope) AS before
    FROM (
        SELECT id, type, envelope, position FROM monolith_outbox
        WHERE status = 'ready' AND environment = %(environment)s
        ORDER BY position
        LIMIT %(limit)s
    ) AS first
) AS message ON message.before < %(max_bytes)s
ORDER BY message.position
