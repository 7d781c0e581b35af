-- Read as a consumer from now on, after a position that is kept elsewhere; who did so before notices. Returns the log's
-- end, or no row when there is no such consumer.
UPDATE broker.consumer AS c
SET reader = %(reader)s, floor = greatest(c.floor, %(position)s)
FROM broker.log AS l
WHERE c.environment = %(environment)s AND c.name = %(consumer)s AND l.environment = c.environment
      AND l.last >= %(position)s
RETURNING l.last;
