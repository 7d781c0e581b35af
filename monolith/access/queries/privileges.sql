-- Every privilege that somebody other than an object's owner or a superuser holds, and that PostgreSQL or a declared
-- extension did not hand out by itself: of our roles and of everybody on anything, and of any role on what is ours.
-- `strict` objects (functions of modules, functions of CLOSED_FUNCTIONS, this database, postgres and template1, schema public) count their built-in
-- defaults as well, because we take those away. `within` narrows it to what stands in these schemas; NULL: everything.
WITH object AS (
    SELECT 'pg_class'::regclass::oid AS classid, c.oid AS objid, 0 AS objsubid,
           CASE c.relkind WHEN 'S' THEN 'sequence' ELSE 'table' END AS kind, c.relnamespace AS namespace,
           c.relname::text AS name, '' AS column_name, c.relowner AS owner, c.relacl AS acl, NULL::aclitem[] AS built_in
    FROM pg_catalog.pg_class c WHERE c.relacl IS NOT NULL
      AND (%(within)s::text[] IS NULL OR c.relnamespace IN (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = ANY(%(within)s)))
    UNION ALL
    SELECT 'pg_class'::regclass, c.oid, a.attnum, 'table', c.relnamespace, c.relname, a.attname, c.relowner, a.attacl, NULL
    FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
    WHERE a.attacl IS NOT NULL AND NOT a.attisdropped
      AND (%(within)s::text[] IS NULL OR c.relnamespace IN (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = ANY(%(within)s)))
    UNION ALL
    SELECT 'pg_proc'::regclass, p.oid, 0, 'function', p.pronamespace, p.proname, '', p.proowner, p.proacl,
           acldefault('f', p.proowner)
    FROM pg_catalog.pg_proc p
    WHERE (p.proacl IS NOT NULL OR p.proname = ANY(%(closed)s)
           OR p.pronamespace IN (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = ANY(%(managed)s)))
      AND (%(within)s::text[] IS NULL OR p.pronamespace IN (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = ANY(%(within)s)))
    UNION ALL
    SELECT 'pg_type'::regclass, t.oid, 0, 'type', t.typnamespace, t.typname, '', t.typowner, t.typacl,
           acldefault('T', t.typowner)
    FROM pg_catalog.pg_type t WHERE t.typacl IS NOT NULL
      AND (%(within)s::text[] IS NULL OR t.typnamespace IN (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = ANY(%(within)s)))
    UNION ALL
    SELECT 'pg_namespace'::regclass, n.oid, 0, 'schema', NULL, n.nspname, '', n.nspowner, n.nspacl, NULL
    FROM pg_catalog.pg_namespace n WHERE n.nspacl IS NOT NULL AND %(within)s::text[] IS NULL
    UNION ALL
    SELECT 'pg_database'::regclass, d.oid, 0, 'database', NULL, d.datname, '', d.datdba, d.datacl,
           acldefault('d', d.datdba)
    FROM pg_catalog.pg_database d WHERE %(within)s::text[] IS NULL
    UNION ALL
    SELECT 'pg_language'::regclass, l.oid, 0, 'language', NULL, l.lanname, '', l.lanowner, l.lanacl,
           acldefault('l', l.lanowner)
    FROM pg_catalog.pg_language l WHERE l.lanacl IS NOT NULL AND %(within)s::text[] IS NULL
    UNION ALL
    SELECT 'pg_largeobject'::regclass, o.oid, 0, 'large object', NULL, o.oid::text, '', o.lomowner, o.lomacl, NULL
    FROM pg_catalog.pg_largeobject_metadata o WHERE o.lomacl IS NOT NULL AND %(within)s::text[] IS NULL
    UNION ALL
    SELECT 'pg_foreign_data_wrapper'::regclass, w.oid, 0, 'foreign data wrapper', NULL, w.fdwname, '', w.fdwowner,
           w.fdwacl, NULL
    FROM pg_catalog.pg_foreign_data_wrapper w WHERE w.fdwacl IS NOT NULL AND %(within)s::text[] IS NULL
    UNION ALL
    SELECT 'pg_foreign_server'::regclass, s.oid, 0, 'foreign server', NULL, s.srvname, '', s.srvowner, s.srvacl, NULL
    FROM pg_catalog.pg_foreign_server s WHERE s.srvacl IS NOT NULL AND %(within)s::text[] IS NULL
    UNION ALL
    SELECT 'pg_tablespace'::regclass, t.oid, 0, 'tablespace', NULL, t.spcname, '', t.spcowner, t.spcacl, NULL
    FROM pg_catalog.pg_tablespace t WHERE t.spcacl IS NOT NULL AND %(within)s::text[] IS NULL
    UNION ALL
    SELECT 'pg_parameter_acl'::regclass, p.oid, 0, 'parameter', NULL, p.parname, '', 10, p.paracl, NULL
    FROM pg_catalog.pg_parameter_acl p WHERE %(within)s::text[] IS NULL
), placed AS (
    SELECT o.*, coalesce(n.nspname, '') AS schema, x.extname IS NOT NULL AS of_extension,
           CASE WHEN o.kind = 'schema' THEN o.name = ANY(%(managed)s)
                WHEN o.kind = 'database' THEN o.name = current_database()
                ELSE coalesce(n.nspname = ANY(%(managed)s), false) AND x.extname IS NULL END AS managed
    FROM object o
    LEFT JOIN pg_catalog.pg_namespace n ON n.oid = o.namespace
    LEFT JOIN pg_catalog.pg_depend e ON e.classid = o.classid AND e.objid = o.objid AND e.objsubid = 0 AND e.deptype = 'e'
    LEFT JOIN pg_catalog.pg_extension x
      ON x.oid = e.refobjid AND (x.extname = ANY(%(extensions)s) OR x.extname = 'plpgsql')
), judged AS (
    SELECT p.*, CASE p.kind WHEN 'function' THEN p.managed OR (p.schema = 'pg_catalog' AND p.name = ANY(%(closed)s))
                            WHEN 'database' THEN p.managed OR p.name = ANY(%(shared)s)
                            WHEN 'schema' THEN p.name = 'public'
                            ELSE false END AS strict
    FROM placed p
)
SELECT j.kind, j.schema, j.name,
       CASE WHEN j.kind = 'function' THEN
           coalesce((SELECT string_agg(CASE WHEN t.typnamespace = 'pg_catalog'::regnamespace THEN format_type(t.oid, NULL)
                                            ELSE format('%%I.%%I', tn.nspname, t.typname) END, ', ' ORDER BY y.place)
                     FROM pg_catalog.pg_proc f
                     CROSS JOIN LATERAL unnest(f.proargtypes) WITH ORDINALITY AS y(type, place)
                     JOIN pg_catalog.pg_type t ON t.oid = y.type
                     JOIN pg_catalog.pg_namespace tn ON tn.oid = t.typnamespace
                     WHERE f.oid = j.objid), '')
           ELSE '' END,
       j.column_name, coalesce(g.rolname, 'public'), a.privilege_type, a.is_grantable
FROM judged j
CROSS JOIN LATERAL aclexplode(CASE WHEN j.strict THEN coalesce(j.acl, j.built_in) ELSE j.acl END) a
LEFT JOIN pg_catalog.pg_roles g ON g.oid = a.grantee
WHERE NOT (a.grantee = 0 AND 'information_schema' IN (j.schema, j.name) AND a.privilege_type IN ('SELECT', 'USAGE'))
  AND a.grantee <> j.owner AND NOT coalesce(g.rolsuper, false)
  AND (j.kind <> 'database' OR j.strict OR a.privilege_type <> 'CONNECT') -- other databases have their own audit
  AND (j.managed OR g.rolname = ANY(%(roles)s) OR (a.grantee = 0 AND (j.strict OR j.kind <> 'database')))
  AND (j.strict OR NOT EXISTS (
      SELECT FROM aclexplode(coalesce(
          (SELECT i.initprivs FROM pg_catalog.pg_init_privs i
           WHERE i.classoid = j.classid AND i.objoid = j.objid AND i.objsubid = j.objsubid
             AND (i.privtype = 'i' OR j.of_extension)),
          j.built_in)) b
      WHERE b.grantee = a.grantee AND b.privilege_type = a.privilege_type AND b.is_grantable >= a.is_grantable));
