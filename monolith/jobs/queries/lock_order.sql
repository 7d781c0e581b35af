-- Take the lane of an ordered key until the transaction ends (succeed.sql).
SELECT id FROM monolith_lane WHERE id = hashtext(%(concurrency_key)s) & 63 FOR UPDATE
