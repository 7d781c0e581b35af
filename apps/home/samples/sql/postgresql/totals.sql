-- Counts the samples of services in a span of time; percentiles are of those that were answered.
SELECT
    service_id, count(*), count(*) FILTER (WHERE good), max(at),
    percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY latency_ms)
FROM home_probesample
WHERE service_id = ANY(%(services)s) AND at > %(after)s AND at <= %(until)s
GROUP BY service_id
ORDER BY service_id
