-- Add to a call that was kept when it began how it ended; once, which the table's trigger holds as well.
UPDATE monolith_tools_call
SET outcome = %(outcome)s, detail = %(detail)s, duration_ms = %(duration_ms)s
WHERE id = %(id)s AND outcome = 'running'
RETURNING id
