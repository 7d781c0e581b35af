-- What comes next for a consumer, with whether `reader` still is who reads as it, and how far the log goes. At most
-- `limit` messages, and at most `max_bytes` of them beyond the first. Always at least one row: without a message the
-- last three columns are null.
SELECT c.reader = %(reader)s, l.last, found.position, found.body, found.type
FROM broker.consumer AS c
JOIN broker.log AS l ON l.environment = c.environment
LEFT JOIN LATERAL (
    SELECT m.position, m.body, m.type, sum(m.bytes) OVER (ORDER BY m.position) - m.bytes AS before
    FROM (
        SELECT position, body, type, bytes
        FROM broker.message
        WHERE environment = c.environment AND position > %(after)s AND type = ANY (c.types)
        ORDER BY position
        LIMIT %(limit)s
    ) AS m
) AS found ON found.before < %(max_bytes)s
WHERE c.environment = %(environment)s AND c.name = %(consumer)s
ORDER BY found.position;
