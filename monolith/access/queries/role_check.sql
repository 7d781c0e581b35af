-- What the connected role could do that a reader of the public tier must not: one row per power, whatever way it came
-- (its own grant, a membership, PUBLIC). Answers come from PostgreSQL's own has_..._privilege functions.
WITH me AS (
    SELECT * FROM pg_catalog.pg_roles WHERE rolname = current_user
), relation AS (
    SELECT c.oid, c.relkind, n.nspname::text AS schema, c.relname::text AS name,
           n.nspname = 'information_schema' OR EXISTS (
               -- Catalogs that PostgreSQL itself opens; pg_authid is not one of them.
               SELECT FROM pg_catalog.pg_init_privs i CROSS JOIN LATERAL aclexplode(i.initprivs) b
               WHERE i.classoid = 'pg_class'::regclass AND i.objoid = c.oid AND i.objsubid = 0 AND i.privtype = 'i'
                 AND b.grantee = 0 AND b.privilege_type = 'SELECT') OR EXISTS (
               SELECT FROM pg_catalog.pg_depend e JOIN pg_catalog.pg_extension x ON x.oid = e.refobjid
               WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e'
                 AND x.extname = ANY(%(extensions)s)) AS built_in
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND n.nspname !~ '^pg_(toast|temp)'
      AND NOT (n.nspname = 'pg_catalog' AND c.relname = 'pg_settings') -- UPDATE there is SET, and open to all
)
SELECT 'attribute' AS power, word AS privilege, '' AS schema, '' AS name, '' AS column_name
FROM me, LATERAL (VALUES ('SUPERUSER', rolsuper), ('CREATEROLE', rolcreaterole), ('CREATEDB', rolcreatedb),
                         ('BYPASSRLS', rolbypassrls), ('REPLICATION', rolreplication)) AS a(word, held)
WHERE held
UNION ALL
SELECT 'member', '', '', r.rolname, ''
FROM me, pg_catalog.pg_roles r
WHERE NOT me.rolsuper AND r.oid <> me.oid
  AND EXISTS (SELECT FROM pg_catalog.pg_auth_members m WHERE m.member = me.oid AND m.roleid = r.oid)
UNION ALL
SELECT 'owner', i.type, '', i.identity, ''
FROM me
JOIN pg_catalog.pg_shdepend s ON s.refclassid = 'pg_authid'::regclass AND s.refobjid = me.oid AND s.deptype = 'o'
CROSS JOIN LATERAL pg_identify_object(s.classid, s.objid, 0) i
WHERE s.dbid IN (0, (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()))
UNION ALL
SELECT 'database', p, '', current_database(), ''
FROM me, unnest(ARRAY['CREATE', 'TEMPORARY']) AS p
WHERE NOT me.rolsuper AND has_database_privilege(current_database(), p)
UNION ALL
SELECT 'schema', 'CREATE', '', n.nspname, ''
FROM me, pg_catalog.pg_namespace n
WHERE NOT me.rolsuper AND has_schema_privilege(n.oid, 'CREATE')
UNION ALL
SELECT 'relation', p, r.schema, r.name, ''
FROM me, relation r, unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER', 'MAINTAIN']) AS p
WHERE NOT me.rolsuper AND r.relkind <> 'S'
  AND CASE WHEN p IN ('INSERT', 'UPDATE', 'REFERENCES') THEN has_any_column_privilege(r.oid, p)
           ELSE has_table_privilege(r.oid, p) END
UNION ALL
SELECT 'relation', p, r.schema, r.name, ''
FROM me, relation r, unnest(ARRAY['USAGE', 'SELECT', 'UPDATE']) AS p
WHERE NOT me.rolsuper AND r.relkind = 'S' AND has_sequence_privilege(r.oid, p)
UNION ALL
SELECT 'readable', 'SELECT', r.schema, r.name, a.attname
FROM me, relation r
JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE NOT me.rolsuper AND NOT r.built_in AND r.relkind <> 'S' AND has_column_privilege(r.oid, a.attnum, 'SELECT')
  AND NOT EXISTS ( -- columns of a catalog that PostgreSQL opens one by one: pg_subscription without its passwords
      SELECT FROM pg_catalog.pg_init_privs i CROSS JOIN LATERAL aclexplode(i.initprivs) b
      WHERE i.classoid = 'pg_class'::regclass AND i.objoid = r.oid AND i.objsubid = a.attnum AND i.privtype = 'i'
        AND b.grantee = 0 AND b.privilege_type = 'SELECT')
UNION ALL
SELECT 'definer', 'EXECUTE', n.nspname, p.proname,
       coalesce((SELECT string_agg(CASE WHEN t.typnamespace = 'pg_catalog'::regnamespace THEN format_type(t.oid, NULL)
                                        ELSE format('%%I.%%I', tn.nspname, t.typname) END, ', ' ORDER BY a.place)
                 FROM unnest(p.proargtypes) WITH ORDINALITY AS a(type, place)
                 JOIN pg_catalog.pg_type t ON t.oid = a.type
                 JOIN pg_catalog.pg_namespace tn ON tn.oid = t.typnamespace), '')
FROM me, pg_catalog.pg_proc p
JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
WHERE NOT me.rolsuper AND p.prosecdef
  AND has_function_privilege(p.oid, 'EXECUTE')
UNION ALL
SELECT 'function', 'EXECUTE', 'pg_catalog', p.proname, ''
FROM me, pg_catalog.pg_proc p
WHERE NOT me.rolsuper AND p.pronamespace = 'pg_catalog'::regnamespace AND p.proname = ANY(%(closed)s)
  AND has_function_privilege(p.oid, 'EXECUTE')
UNION ALL
-- What PostgreSQL, or an extension, came with closed to all: reading the server's files, resetting statistics.
SELECT 'function', 'EXECUTE', n.nspname, p.proname, ''
FROM me, pg_catalog.pg_init_privs i
JOIN pg_catalog.pg_proc p ON p.oid = i.objoid
JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
WHERE NOT me.rolsuper AND i.classoid = 'pg_proc'::regclass
  AND NOT EXISTS (SELECT FROM aclexplode(i.initprivs) b WHERE b.grantee = 0)
  AND has_function_privilege(p.oid, 'EXECUTE');
