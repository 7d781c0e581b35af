-- Take a request's key for this transaction. Waits for another transaction that holds it; no row when it is taken.
INSERT INTO monolith_commandrecord (operation, caller, tenant, key, request_hash)
VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (operation, caller, tenant, key) DO NOTHING
RETURNING id
