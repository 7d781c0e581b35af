-- The lanes that ordered keys share: rows to lock, because modules may take no advisory locks, which all of them share.
INSERT INTO monolith_lane (id) SELECT generate_series(0, 63) ON CONFLICT DO NOTHING
