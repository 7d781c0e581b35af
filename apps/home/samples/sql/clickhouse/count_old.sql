-- How many samples are old.
SELECT count() FROM home_probesample FINAL WHERE at < fromUnixTimestamp64Micro({before:Int64})
