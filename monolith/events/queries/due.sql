-- Make messages ready whose time has come; they go after those that are ready already, in the order in which they are due.
WITH due AS MATERIALIZED (
    SELECT position FROM monolith_outbox
    WHERE status = 'waiting' AND environment = %(environment)s AND due_at <= now()
    ORDER BY due_at, position
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
),
placed AS MATERIALIZED (
    SELECT position, nextval(pg_get_serial_sequence('monolith_outbox', 'position')) AS next FROM due
)
UPDATE monolith_outbox AS message SET status = 'ready', position = placed.next
FROM placed
WHERE message.position = placed.position
RETURNING message.id
