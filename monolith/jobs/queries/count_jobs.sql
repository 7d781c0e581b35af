-- How many jobs there are of each task in each status.
SELECT task, status, count(*) FROM monolith_job GROUP BY task, status ORDER BY task, status
