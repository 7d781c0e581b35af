-- The text of a dead letter that no subscriber was given; locked, so that it is given out once.
SELECT arguments -> 'args' ->> 0 FROM monolith_job WHERE id = %(id)s AND task = %(task)s AND status = 'dead' FOR UPDATE
