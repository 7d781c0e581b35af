-- What was asked and answered under a key before.
SELECT request_hash, result
FROM monolith_commandrecord
WHERE operation = %s AND caller = %s AND tenant = %s AND key = %s
