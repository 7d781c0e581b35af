-- Materialised views that are made of a tenant table: they keep the rows that whoever refreshed them saw.
SELECT DISTINCT vn.nspname, v.relname, tn.nspname, t.relname
FROM pg_catalog.pg_depend d
JOIN pg_catalog.pg_rewrite w ON w.oid = d.objid
JOIN pg_catalog.pg_class v ON v.oid = w.ev_class AND v.relkind = 'm'
JOIN pg_catalog.pg_class t ON t.oid = d.refobjid AND t.oid <> v.oid
JOIN pg_catalog.pg_namespace vn ON vn.oid = v.relnamespace
JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass
  AND tn.nspname || '.' || t.relname = ANY(%(tenant_tables)s);
