-- Stores samples. One that is there already stays one; those of services that were deleted meanwhile are left out.
INSERT INTO home_probesample (service_id, at, good, status, latency_ms, failure)
SELECT sample.service_id, sample.at, sample.good, sample.status, sample.latency_ms, sample.failure
FROM unnest(
    %(services)s::bigint[], %(moments)s::timestamptz[], %(goods)s::boolean[], %(statuses)s::smallint[],
    %(latencies)s::float8[], %(failures)s::text[]
) AS sample (service_id, at, good, status, latency_ms, failure)
JOIN home_service ON home_service.id = sample.service_id
ON CONFLICT (service_id, at) DO NOTHING
