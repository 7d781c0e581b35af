-- Add the schedule of a task; one that is there stays as it is, and gives no row.
INSERT INTO monolith_schedule (name, every_s, cron, timezone, jitter_s, catch_up, next_at)
VALUES (%(name)s, %(every_s)s, %(cron)s, %(timezone)s, %(jitter_s)s, %(catch_up)s, %(next_at)s)
ON CONFLICT (name) DO NOTHING
RETURNING name
