-- Delete a few claims that are over.
DELETE FROM broker.claim
WHERE (environment, name) IN (
    SELECT environment, name FROM broker.claim
    WHERE ends_at <= clock_timestamp() ORDER BY ends_at LIMIT 10 FOR UPDATE SKIP LOCKED
);
