-- Foreign keys from one schema into another, where one of the two is ours: the check tells which keys exist there, and a
-- row that is referred to cannot be deleted. Those that partitions have of their parent go with the parent's.
SELECT c.conname, tn.nspname, t.relname, rn.nspname, r.relname
FROM pg_catalog.pg_constraint c
JOIN pg_catalog.pg_class t ON t.oid = c.conrelid
JOIN pg_catalog.pg_class r ON r.oid = c.confrelid
JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
JOIN pg_catalog.pg_namespace rn ON rn.oid = r.relnamespace
WHERE c.contype = 'f' AND c.conparentid = 0 AND tn.oid <> rn.oid
  AND (tn.nspname = ANY(%(schemas)s) OR rn.nspname = ANY(%(schemas)s));
