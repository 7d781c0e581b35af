-- Make this environment's log, once.
INSERT INTO broker.log (environment) VALUES (%(environment)s)
ON CONFLICT DO NOTHING;
