-- Dead letters that no subscriber was given, oldest first.
SELECT id FROM monolith_job WHERE status = 'dead' AND task = %(task)s ORDER BY id
