-- Wait for whoever is appending, or changing who wants what. A statement of its own: the next one sees what was written
-- meanwhile. A row and no advisory lock, which module roles may not take.
SELECT last FROM broker.log WHERE environment = %(environment)s FOR UPDATE;
