-- Take a message back whose time has not come.
DELETE FROM monolith_outbox WHERE id = %(id)s AND status = 'waiting' RETURNING id
