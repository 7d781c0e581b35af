-- Append messages in their order, and return how many, counted from the first, are kept: those that fit. What is there
-- already, or twice in the batch, is kept once; what no consumer wants is not kept at all and counts as if it were.
-- To be run with the row of the log locked.
WITH given AS (
    SELECT g.id, g.type, g.body, g.place,
           row_number() OVER (PARTITION BY g.id ORDER BY g.place) = 1
               AND NOT EXISTS (SELECT FROM broker.message AS m
                               WHERE m.environment = %(environment)s AND m.id = g.id)
               AND EXISTS (SELECT FROM broker.consumer AS c
                           WHERE c.environment = %(environment)s AND g.type = ANY (c.types)) AS is_new,
           octet_length(g.body) + %(overhead)s AS bytes
    FROM unnest(%(ids)s::uuid[], %(types)s::text[], %(bodies)s::bytea[]) WITH ORDINALITY AS g (id, type, body, place)
), measured AS (
    SELECT given.*, sum(CASE WHEN given.is_new THEN given.bytes ELSE 0 END) OVER (ORDER BY given.place) AS upto
    FROM given
), fitting AS (
    SELECT measured.*, log.last + row_number() OVER (PARTITION BY measured.is_new ORDER BY measured.place) AS position
    FROM measured
    JOIN broker.log ON log.environment = %(environment)s
    WHERE log.bytes + measured.upto <= %(max_bytes)s
), appended AS (
    INSERT INTO broker.message (environment, position, id, type, bytes, body)
    SELECT %(environment)s, fitting.position, fitting.id, fitting.type, fitting.bytes, fitting.body
    FROM fitting
    WHERE fitting.is_new
    ORDER BY fitting.position
    RETURNING position, bytes
), counted AS (
    UPDATE broker.log
    SET last = (SELECT max(appended.position) FROM appended),
        bytes = log.bytes + (SELECT sum(appended.bytes) FROM appended)
    WHERE log.environment = %(environment)s AND EXISTS (SELECT FROM appended)
    RETURNING pg_notify(%(channel)s, '')
)
SELECT (SELECT count(*) FROM fitting) AS kept, (SELECT count(*) FROM counted) AS told;
