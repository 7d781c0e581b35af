-- The newest samples of one service.
SELECT service_id, at, good, status, latency_ms, failure
FROM home_probesample
WHERE service_id = %(service)s
ORDER BY at DESC
LIMIT %(limit)s
