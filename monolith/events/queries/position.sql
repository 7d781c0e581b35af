-- How far this module has read a log.
SELECT position FROM monolith_position WHERE stream = %(stream)s
