-- The token of a digest, if it may still be used.
SELECT id, name, tenant, scopes, expires_at
FROM monolith_tools_token
WHERE digest = %(digest)s AND revoked_at IS NULL AND expires_at > clock_timestamp()
