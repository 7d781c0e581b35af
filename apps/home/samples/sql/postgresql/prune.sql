-- Removes old samples.
DELETE FROM home_probesample WHERE at < %(before)s
