-- What our roles' sessions, or everybody's (ALTER DATABASE … SET, ALTER ROLE ALL SET), start with: in this database or in
-- every one.
SELECT coalesce(r.rolname, 'public'), coalesce(d.datname, ''), split_part(c.setting, '=', 1),
       substr(c.setting, strpos(c.setting, '=') + 1)
FROM pg_catalog.pg_db_role_setting s
LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
LEFT JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase
CROSS JOIN LATERAL unnest(s.setconfig) AS c(setting)
WHERE (s.setrole = 0 OR r.rolname = ANY(%(roles)s)) AND (s.setdatabase = 0 OR d.datname = current_database());
