-- The messages of a correlation that have not left. Reads all of the outbox.
SELECT envelope, status FROM monolith_outbox
WHERE strpos(envelope, %(correlation)s) > 0
ORDER BY position
LIMIT %(limit)s
