-- Forget messages that the broker has confirmed.
DELETE FROM monolith_outbox WHERE id = ANY(%(ids)s)
