-- Which of the declared schemas exist.
SELECT nspname FROM pg_catalog.pg_namespace WHERE nspname = ANY(%(managed)s);
