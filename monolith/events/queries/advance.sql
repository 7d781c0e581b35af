-- Move on in a log, unless somebody else did. One who waits for another's transaction here is too late afterwards.
INSERT INTO monolith_position AS mine (stream, position) VALUES (%(stream)s, %(until)s)
ON CONFLICT (stream) DO UPDATE SET position = EXCLUDED.position WHERE mine.position = %(since)s
RETURNING position
