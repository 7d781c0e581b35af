-- How many messages of the inbox stand where, and how many keys a dead letter parks. Each part reads one small index,
-- none of which holds what was handled.
SELECT 'ready', count(*) FROM monolith_job WHERE status = 'ready' AND message_id IS NOT NULL
UNION ALL
SELECT 'retrying', count(*) FROM monolith_job WHERE status = 'waiting' AND message_id IS NOT NULL
UNION ALL
SELECT 'running', count(*) FROM monolith_job WHERE status = 'running' AND message_id IS NOT NULL
UNION ALL
SELECT 'blocked', count(*) FROM monolith_job WHERE status = 'blocked' AND ordered
UNION ALL
SELECT 'held', count(*) FROM monolith_job WHERE status = 'held' AND message_id IS NOT NULL
UNION ALL
SELECT 'dead', count(*) FROM monolith_job WHERE status = 'dead' AND message_id IS NOT NULL
UNION ALL
SELECT 'parked', count(DISTINCT concurrency_key) FROM monolith_job WHERE status = 'dead' AND ordered
