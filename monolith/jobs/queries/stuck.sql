-- Jobs that nobody seems to look after, whole, and why, the longest forsaken first. Each part reads one small index.
WITH forsaken AS (
    SELECT id, 'lease_over' AS reason, leased_until AS since FROM monolith_job
    WHERE status = 'running' AND leased_until <= now()
    UNION ALL
    SELECT id, 'not_claimed', due_at FROM monolith_job
    WHERE status = 'ready'
        AND due_at <= now() - make_interval(secs => %(after_s)s)
        AND (claimed_until IS NULL OR claimed_until <= now())
    UNION ALL
    SELECT id, 'not_promoted', due_at FROM monolith_job
    WHERE status = 'waiting' AND due_at <= now() - make_interval(secs => %(after_s)s)
    UNION ALL
    SELECT id, 'blocked_by_nobody', due_at FROM monolith_job AS blocked
    WHERE blocked.status = 'blocked' AND NOT blocked.ordered
        AND NOT EXISTS (
            SELECT FROM monolith_job AS other
            WHERE other.status = 'running'
                AND other.concurrency_key = blocked.concurrency_key AND NOT other.concurrency_key = ''
        )
        AND NOT EXISTS (
            SELECT FROM monolith_job AS other
            WHERE other.status = 'ready'
                AND other.concurrency_key = blocked.concurrency_key AND NOT other.concurrency_key = ''
        )
)
SELECT job.*, found.reason, found.since
FROM (SELECT id, reason, since FROM forsaken ORDER BY since, id LIMIT %(limit)s) AS found
JOIN monolith_job AS job ON job.id = found.id
ORDER BY found.since, found.id
