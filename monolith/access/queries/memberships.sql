-- Who is a member of our roles, and what our roles are members of.
-- Left out: superusers (they need no membership), and the ADMIN-only membership that PostgreSQL gives the creator
-- of a role, which carries none of the role's rights.
SELECT r.rolname, m.rolname, a.admin_option, a.inherit_option, a.set_option, g.rolname
FROM pg_catalog.pg_auth_members a
JOIN pg_catalog.pg_roles r ON r.oid = a.roleid
JOIN pg_catalog.pg_roles m ON m.oid = a.member
JOIN pg_catalog.pg_roles g ON g.oid = a.grantor
WHERE (r.rolname = ANY(%(roles)s) OR m.rolname = ANY(%(roles)s))
  AND NOT m.rolsuper
  AND NOT (a.admin_option AND NOT a.inherit_option AND NOT a.set_option AND g.oid = 10 AND m.rolcreaterole
           AND m.rolname <> ALL(%(roles)s));
