-- The table. Rows of one service and moment become one when parts are merged, and at once in what is read with FINAL.
CREATE TABLE IF NOT EXISTS home_probesample (
    service_id UInt64,
    at DateTime64(6, 'UTC'),
    good Bool,
    status Nullable(UInt16),
    latency_ms Nullable(Float64),
    failure LowCardinality(String)
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (service_id, at)
