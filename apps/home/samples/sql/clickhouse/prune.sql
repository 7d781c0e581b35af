-- Removes old samples; waits until nobody sees them any more.
DELETE FROM home_probesample WHERE at < fromUnixTimestamp64Micro({before:Int64}) SETTINGS lightweight_deletes_sync = 2
