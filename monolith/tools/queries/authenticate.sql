-- The token of a digest, and whether it may still be used.
SELECT id, name, tenant, scopes, revoked_at IS NULL AND expires_at > clock_timestamp()
FROM monolith_tools_token
WHERE digest = %(digest)s
