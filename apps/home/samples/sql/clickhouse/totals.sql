-- Counts the samples of services in a span of time; percentiles are of those that were answered.
-- Moments are microseconds since 1970: a number has one form on the way.
SELECT
    service_id, count(), countIf(good), toUnixTimestamp64Micro(max(at)),
    quantilesExactInclusiveIf(0.5, 0.95, 0.99)(ifNull(latency_ms, 0), isNotNull(latency_ms)), countIf(isNotNull(latency_ms))
FROM home_probesample FINAL
WHERE service_id IN {services:Array(UInt64)}
    AND at > fromUnixTimestamp64Micro({after:Int64}) AND at <= fromUnixTimestamp64Micro({until:Int64})
GROUP BY service_id
ORDER BY service_id
