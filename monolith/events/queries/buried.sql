-- The text of a dead letter that no subscriber was given, and the type it was published as; locked, so that it is given
-- out once.
SELECT arguments -> 'args' ->> 0, coalesce(arguments -> 'kwargs' ->> 'published_as', '')
FROM monolith_job WHERE id = %(id)s AND task = %(task)s AND status = 'dead' FOR UPDATE
