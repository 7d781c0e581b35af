-- Switch a singleton of a deployment on or off, also one that never ran.
INSERT INTO monolith_lease (deployment, name, enabled) VALUES (%(deployment)s, %(name)s, %(enabled)s)
ON CONFLICT (deployment, name) DO UPDATE SET enabled = EXCLUDED.enabled
