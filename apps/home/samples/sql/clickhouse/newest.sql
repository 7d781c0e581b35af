-- The newest samples of one service.
SELECT service_id, toUnixTimestamp64Micro(at), good, status, latency_ms, failure
FROM home_probesample FINAL
WHERE service_id = {service:UInt64}
ORDER BY at DESC
LIMIT {limit:UInt32}
