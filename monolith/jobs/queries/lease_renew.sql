-- Lead on, and hear whether the singleton is still switched on. No row: the lease is over or another's.
UPDATE monolith_lease SET expires_at = clock_timestamp() + make_interval(secs => %(lease_s)s)
WHERE deployment = %(deployment)s AND name = %(name)s AND holder = %(holder)s AND fence = %(fence)s
    AND expires_at > clock_timestamp()
RETURNING enabled
