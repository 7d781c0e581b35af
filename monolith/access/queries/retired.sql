-- Roles of modules that were removed: named as ours are, with something only `provision` leaves behind in this
-- database (a schema owned by <module>_owner, or settings of <module>_rw in this database). The name alone is no proof:
-- another deployment on this server may use a longer prefix.
WITH candidate AS (
    SELECT rolname, regexp_replace(substr(rolname, length(%(prefix)s) + 1), '_(owner|rw|migrator)$', '') AS module
    FROM pg_catalog.pg_roles
    WHERE starts_with(rolname, %(prefix)s) AND rolname ~ '_(owner|rw|migrator)$'
)
SELECT rolname
FROM candidate
WHERE module <> ALL(%(modules)s)
  AND (EXISTS (SELECT FROM pg_catalog.pg_namespace n
               WHERE n.nspname = module
                 AND pg_get_userbyid(n.nspowner) = %(prefix)s || module || '_owner')
       OR EXISTS (SELECT FROM pg_catalog.pg_db_role_setting s
                  JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
                  JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase
                  WHERE d.datname = current_database() AND r.rolname = %(prefix)s || module || '_rw'));
