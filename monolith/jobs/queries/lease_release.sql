-- Let go of a lease, so that another may lead at once. The fence stays.
UPDATE monolith_lease SET holder = '', expires_at = clock_timestamp()
WHERE deployment = %(deployment)s AND name = %(name)s AND holder = %(holder)s AND fence = %(fence)s
RETURNING name
