-- Counts the samples of services by interval; percentiles are of those that were answered.
SELECT
    service_id, date_bin(%(interval)s, at, 'epoch'::timestamptz) AS starts_at,
    count(*), count(*) FILTER (WHERE good),
    percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY latency_ms)
FROM home_probesample
WHERE service_id = ANY(%(services)s) AND at >= %(since)s AND at <= %(until)s
GROUP BY service_id, starts_at
ORDER BY service_id, starts_at
