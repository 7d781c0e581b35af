-- Lock the schedule that has been due longest, and say what time it is. One that another process fires is passed over.
-- Only those whose functions this process has: what it does not know, a newer or an older one may.
SELECT name, every_s, cron, timezone, jitter_s, catch_up, next_at, COALESCE(%(now)s::timestamptz, clock_timestamp())
FROM monolith_schedule
WHERE enabled AND name = ANY(%(names)s) AND next_at <= COALESCE(%(now)s::timestamptz, clock_timestamp())
ORDER BY next_at
LIMIT 1
FOR UPDATE SKIP LOCKED
