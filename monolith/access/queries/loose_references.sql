-- Foreign keys to a tenant table that leave the tenant out, where no other key of the table holds the same columns to
-- the same tenant. PostgreSQL checks keys, and cascades, past row-level security.
WITH keys AS (
    SELECT c.conname, c.conrelid, c.confrelid, c.conkey,
           EXISTS (SELECT FROM unnest(c.conkey, c.confkey) AS k(own, other)
                   JOIN pg_catalog.pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.own
                   JOIN pg_catalog.pg_attribute b ON b.attrelid = c.confrelid AND b.attnum = k.other
                   WHERE a.attname = 'tenant_id' AND b.attname = 'tenant_id') AS holds_tenant
    FROM pg_catalog.pg_constraint c
    WHERE c.contype = 'f' AND c.conparentid = 0
)
SELECT k.conname, tn.nspname, t.relname, rn.nspname, r.relname
FROM keys k
JOIN pg_catalog.pg_class t ON t.oid = k.conrelid
JOIN pg_catalog.pg_class r ON r.oid = k.confrelid
JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
JOIN pg_catalog.pg_namespace rn ON rn.oid = r.relnamespace
WHERE rn.nspname || '.' || r.relname = ANY(%(tenant_tables)s)
  AND NOT k.holds_tenant
  AND NOT EXISTS (SELECT FROM keys held
                  WHERE held.holds_tenant AND held.conrelid = k.conrelid AND held.confrelid = k.confrelid
                    AND held.conkey @> k.conkey);
