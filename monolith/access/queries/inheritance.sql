-- Tables that are children of a table in another schema, where one of the two is ours, and children of a public table in
-- its own schema that are not its partitions: whoever may read the parent reads
-- the child's rows with it, without a privilege on the child.
SELECT pn.nspname, p.relname, cn.nspname, c.relname, c.relispartition
FROM pg_catalog.pg_inherits i
JOIN pg_catalog.pg_class p ON p.oid = i.inhparent AND p.relkind IN ('r', 'p', 'f')
JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid
JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace
JOIN pg_catalog.pg_namespace cn ON cn.oid = c.relnamespace
WHERE (pn.oid <> cn.oid AND (pn.nspname = ANY(%(schemas)s) OR cn.nspname = ANY(%(schemas)s)))
   OR (NOT c.relispartition AND format('%%s.%%s', pn.nspname, p.relname) = ANY(%(public)s));
