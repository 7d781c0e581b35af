-- Who owns (a) each module's schema and everything in it, (b) anything anywhere that a declared or retired login role,
-- or a declared owner, holds. An owner may do everything, so ownership is the strongest grant there is.
-- Sequences of a column follow their table; members of extensions follow the extension.
WITH ours AS (
    SELECT oid, nspname FROM pg_catalog.pg_namespace WHERE nspname = ANY(%(schemas)s)
), found AS (
    SELECT 'pg_namespace'::regclass AS classid, oid AS objid, nspname AS schema FROM ours
    UNION
    SELECT d.classid, d.objid, ours.nspname
    FROM ours
    JOIN pg_catalog.pg_depend d
      ON d.refclassid = 'pg_namespace'::regclass AND d.refobjid = ours.oid AND d.deptype = 'n'
    WHERE d.classid <> 'pg_extension'::regclass
    UNION
    SELECT s.classid, s.objid, NULL
    FROM pg_catalog.pg_shdepend s
    JOIN pg_catalog.pg_roles r ON r.oid = s.refobjid
    WHERE s.refclassid = 'pg_authid'::regclass AND s.deptype = 'o'
      AND s.dbid IN (0, (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()))
      AND r.rolname = ANY(%(holders)s)
      AND s.classid NOT IN ('pg_default_acl'::regclass, 'pg_user_mapping'::regclass)
), object AS (
    SELECT classid, objid, max(schema) AS schema FROM found GROUP BY classid, objid
)
SELECT i.type, 
       CASE i.type WHEN 'schema' THEN (SELECT nspname::text FROM pg_catalog.pg_namespace WHERE oid = o.objid) ELSE i.identity END, coalesce(o.schema, ''), coalesce(pg_get_userbyid(s.refobjid), pg_get_userbyid(10))
FROM object o
CROSS JOIN LATERAL pg_identify_object(o.classid, o.objid, 0) i
LEFT JOIN pg_catalog.pg_shdepend s
  ON s.classid = o.classid AND s.objid = o.objid AND s.objsubid = 0 AND s.deptype = 'o'
 AND s.refclassid = 'pg_authid'::regclass
 AND s.dbid IN (0, (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()))
WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend e
                  WHERE e.classid = o.classid AND e.objid = o.objid AND e.deptype = 'e')
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend t
                  JOIN pg_catalog.pg_class c ON c.oid = t.objid AND c.relkind = 'S'
                  WHERE o.classid = 'pg_class'::regclass AND t.classid = o.classid AND t.objid = o.objid
                    AND t.refclassid = 'pg_class'::regclass AND t.refobjsubid > 0 AND t.deptype IN ('a', 'i'));
