-- Switch a task or subscriber on or off.
INSERT INTO monolith_switch (name, is_on, changed_at) VALUES (%(name)s, %(is_on)s, now())
ON CONFLICT (name) DO UPDATE SET is_on = EXCLUDED.is_on, changed_at = now()
