-- How many messages wait for a consumer; no row when there is no such consumer.
SELECT (SELECT count(*) FROM broker.message AS m
        WHERE m.environment = c.environment AND m.type = ANY (c.types) AND m.position > c.floor)
FROM broker.consumer AS c
WHERE c.environment = %(environment)s AND c.name = %(consumer)s;
