-- Make a consumer, or change what it wants. One that is new reads from the oldest message that is kept.
INSERT INTO broker.consumer (environment, name, types) VALUES (%(environment)s, %(consumer)s, %(types)s)
ON CONFLICT (environment, name) DO UPDATE SET types = excluded.types;
