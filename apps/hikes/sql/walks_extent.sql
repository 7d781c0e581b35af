-- How many walks fit, and when one of them last changed: enough to know whether an answer did.
SELECT count(*) AS total, concat(max(updated_at), ' ', max(windows_at)) AS version
FROM hikes_public_walk
WHERE {conditions}
