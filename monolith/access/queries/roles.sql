-- The attributes of the deployment's roles, one row per role that exists.
SELECT rolname, rolcanlogin, rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls, rolinherit,
       rolconnlimit
FROM pg_catalog.pg_roles
WHERE rolname = ANY(%(roles)s);
