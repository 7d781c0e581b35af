-- Take the lanes of ordered keys, always in the same order, until the transaction ends: nobody ends a job of theirs
-- meanwhile, or has done so already where the next statement sees it (jobs/queries/succeed.sql).
SELECT id FROM monolith_lane
WHERE id IN (SELECT hashtext(key) & 63 FROM unnest(%(keys)s::text[]) AS key)
ORDER BY id
FOR UPDATE
