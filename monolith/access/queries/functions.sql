-- Every function in a module's schema, and every SECURITY DEFINER function anywhere that no declared extension
-- brought (with `within`: in the modules' schemas only). PostgreSQL itself brings none, so one in pg_catalog was put or changed there. Argument types are spelled without help from search_path.
SELECT n.nspname, p.proname,
       coalesce((SELECT string_agg(CASE WHEN t.typnamespace = 'pg_catalog'::regnamespace THEN format_type(t.oid, NULL)
                                        ELSE format('%%I.%%I', tn.nspname, t.typname) END, ', ' ORDER BY a.place)
                 FROM unnest(p.proargtypes) WITH ORDINALITY AS a(type, place)
                 JOIN pg_catalog.pg_type t ON t.oid = a.type
                 JOIN pg_catalog.pg_namespace tn ON tn.oid = t.typnamespace), ''),
       p.prosecdef,
       coalesce((SELECT substr(c.setting, length('search_path=') + 1) FROM unnest(p.proconfig) AS c(setting)
                 WHERE starts_with(c.setting, 'search_path=')), '')
FROM pg_catalog.pg_proc p
JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
WHERE (n.nspname = ANY(%(schemas)s) OR (p.prosecdef AND %(within)s::text[] IS NULL))
  AND ((p.prosecdef AND n.nspname = ANY(%(schemas)s)) -- where no extension stands: one that is a member was attached
       OR NOT EXISTS (SELECT FROM pg_catalog.pg_depend e
                  JOIN pg_catalog.pg_extension x ON x.oid = e.refobjid
                  WHERE e.classid = 'pg_proc'::regclass AND e.objid = p.oid AND e.deptype = 'e'
                    AND (x.extname = ANY(%(extensions)s) OR x.extname = 'plpgsql')));
