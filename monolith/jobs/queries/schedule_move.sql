-- Note what a schedule was fired for, if for anything, and when it is due again.
UPDATE monolith_schedule SET next_at = %(next_at)s, last_at = COALESCE(%(last_at)s, last_at)
WHERE name = %(name)s
