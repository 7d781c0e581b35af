-- Counts the samples of services by interval of so many microseconds; percentiles are of those that were answered.
SELECT
    service_id, intDiv(toUnixTimestamp64Micro(at), {interval:Int64}) * {interval:Int64} AS starts_at,
    count(), countIf(good),
    quantilesExactInclusiveIf(0.5, 0.95, 0.99)(ifNull(latency_ms, 0), isNotNull(latency_ms)), countIf(isNotNull(latency_ms))
FROM home_probesample FINAL
WHERE service_id IN {services:Array(UInt64)}
    AND at >= fromUnixTimestamp64Micro({since:Int64}) AND at <= fromUnixTimestamp64Micro({until:Int64})
GROUP BY service_id, starts_at
ORDER BY service_id, starts_at
