-- One walk.
SELECT {fields} FROM hikes_public_walk WHERE slug = %(slug)s
