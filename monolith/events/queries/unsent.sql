-- What the broker does not have yet, in the order of sending. Only what was written in this environment: a copy of
-- another one's database sends nothing of what that had to say.
SELECT id, type, envelope FROM monolith_outbox
WHERE status = 'ready' AND environment = %(environment)s
ORDER BY position
LIMIT %(limit)s
