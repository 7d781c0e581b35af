-- Let a few answers go that no caller will ask for again; each new command does, so the table stays bounded.
DELETE FROM monolith_commandrecord
WHERE id IN (
    SELECT id FROM monolith_commandrecord
    WHERE created_at < now() - INTERVAL '30 days'
    ORDER BY created_at
    LIMIT 10
    FOR UPDATE SKIP LOCKED
)
