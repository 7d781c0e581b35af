-- Seconds until a schedule is due, below zero when one is overdue; NULL when there is none.
SELECT EXTRACT(EPOCH FROM min(next_at) - clock_timestamp())::float8 FROM monolith_schedule
WHERE enabled AND name = ANY(%(names)s)
