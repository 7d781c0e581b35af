-- Default privileges that concern us: of our owners, in our schemas, or for our roles and everybody.
-- A global entry replaces PostgreSQL's built-in default, so an owner without one still hands EXECUTE on each new function
-- to everybody: that shows here as a row.
WITH entry AS (
    SELECT defaclrole AS owner, defaclnamespace AS namespace, defaclobjtype AS type, defaclacl AS acl
    FROM pg_catalog.pg_default_acl
    UNION ALL
    SELECT r.oid, 0, 'f', acldefault('f', r.oid)
    FROM pg_catalog.pg_roles r
    WHERE r.rolname = ANY(%(owners)s)
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_default_acl d
                      WHERE d.defaclrole = r.oid AND d.defaclnamespace = 0 AND d.defaclobjtype = 'f')
)
SELECT o.rolname, coalesce(n.nspname, ''),
       CASE e.type WHEN 'r' THEN 'table' WHEN 'S' THEN 'sequence' WHEN 'f' THEN 'function'
                   WHEN 'T' THEN 'type' WHEN 'n' THEN 'schema' WHEN 'L' THEN 'large object' END,
       coalesce(g.rolname, 'public'), a.privilege_type, a.is_grantable
FROM entry e
JOIN pg_catalog.pg_roles o ON o.oid = e.owner
LEFT JOIN pg_catalog.pg_namespace n ON n.oid = e.namespace
CROSS JOIN LATERAL aclexplode(e.acl) a
LEFT JOIN pg_catalog.pg_roles g ON g.oid = a.grantee
WHERE a.grantee <> e.owner AND NOT coalesce(g.rolsuper, false)
  AND (a.grantee = 0 OR g.rolname = ANY(%(roles)s) OR n.nspname = ANY(%(managed)s) OR o.rolname = ANY(%(roles)s))
  AND NOT (e.namespace = 0 AND a.grantee = 0 AND NOT a.is_grantable
           AND (e.type = 'T' OR (e.type = 'f' AND o.rolname <> ALL(%(owners)s))));
