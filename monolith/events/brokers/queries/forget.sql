-- Delete some of the messages of these types, or of those that this consumer wants: what every consumer that wants it
-- has acknowledged, and what none wants any more. Returns how many. What another is deleting is left to it. The row of
-- the log comes last, so that those who append wait for an instant only.
WITH chosen AS (
    SELECT unnest(%(types)s::text[]) AS type
    UNION
    SELECT unnest(c.types) FROM broker.consumer AS c
    WHERE c.environment = %(environment)s AND c.name = %(consumer)s
), floors AS (
    SELECT wanted.type, min(c.floor) AS floor
    FROM broker.consumer AS c, unnest(c.types) AS wanted (type)
    WHERE c.environment = %(environment)s
    GROUP BY wanted.type
), doomed AS (
    SELECT m.position
    FROM chosen AS t
    LEFT JOIN floors ON floors.type = t.type
    JOIN broker.message AS m
        ON m.environment = %(environment)s AND m.type = t.type
        AND m.position <= coalesce(floors.floor, 9223372036854775807)
    LIMIT %(limit)s
    FOR UPDATE OF m SKIP LOCKED
), deleted AS (
    DELETE FROM broker.message AS m
    USING doomed
    WHERE m.environment = %(environment)s AND m.position = doomed.position
    RETURNING m.bytes
), counted AS (
    UPDATE broker.log SET bytes = log.bytes - (SELECT sum(deleted.bytes) FROM deleted)
    WHERE log.environment = %(environment)s AND EXISTS (SELECT FROM deleted)
    RETURNING 1
)
SELECT (SELECT count(*) FROM deleted) AS deleted, (SELECT count(*) FROM counted) AS counted;
