-- Let every process that keeps answers of the gate forget them, when this commits.
SELECT pg_notify('monolith_decisions', '')
