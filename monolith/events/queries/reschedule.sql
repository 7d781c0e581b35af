-- Let a message come at another time, if its time has not come; wake the relay, which may sleep for longer.
WITH moved AS (
    UPDATE monolith_outbox SET due_at = %(deliver_at)s WHERE id = %(id)s AND status = 'waiting'
    RETURNING id
)
SELECT id, pg_notify('monolith_outbox', %(module)s) FROM moved
