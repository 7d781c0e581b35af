-- Keep a call that has ended or that begins; the column at has the table's default.
INSERT INTO monolith_tools_call (
    id, token_id, token_name, tenant, tool, tag, outcome, detail, arguments, duration_ms, units, correlation
)
VALUES (
    %(id)s, %(token_id)s, %(token_name)s, %(tenant)s, %(tool)s, %(tag)s, %(outcome)s, %(detail)s,
    %(arguments)s::jsonb, %(duration_ms)s, %(units)s, %(correlation)s
)
RETURNING id
