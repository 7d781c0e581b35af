-- Seconds until the next message is due that waits for its time; NULL when none does.
SELECT EXTRACT(EPOCH FROM min(due_at) - clock_timestamp())::float8 FROM monolith_outbox
WHERE status = 'waiting' AND environment = %(environment)s
