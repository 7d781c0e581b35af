-- Take a name that is free, ours or over, and return whose it is. A null says that it
-- changed hands while we looked.
WITH taken AS (
    INSERT INTO broker.claim AS c (environment, name, holder, ends_at)
    VALUES (%(environment)s, %(name)s, %(holder)s, clock_timestamp() + %(length)s)
    ON CONFLICT (environment, name) DO UPDATE SET holder = excluded.holder, ends_at = excluded.ends_at
    WHERE c.holder = excluded.holder OR c.ends_at <= clock_timestamp()
    RETURNING c.holder
)
SELECT coalesce(
    (SELECT holder FROM taken),
    (SELECT holder FROM broker.claim WHERE environment = %(environment)s AND name = %(name)s)
);
