-- Extend the lease of a running job; returns no row when it was lost.
UPDATE monolith_job SET leased_until = now() + make_interval(secs => %(lease_s)s)
WHERE id = %(id)s AND fence = %(fence)s AND leased_until > now()
RETURNING id
