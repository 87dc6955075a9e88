-- What each pool's pods request and do not use, by day: the mean over the day's slots of requests - usage.
--
-- Usage is known by node, not by namespace: so waste by namespace cannot be told. requests-by-namespace.sql tells what
-- can be: who requests how much of what is wasted here. A slot counts where requests and usage of all the pool's nodes
-- are known; `slots` of `slots_seen` are.
WITH sums AS (
    SELECT
        cluster, date, pool, slot,
        CASE WHEN COUNT(cpu_requests_millicores) = COUNT(*) AND COUNT(cpu_usage_millicores) = COUNT(*)
            THEN CAST(SUM(cpu_requests_millicores) AS BIGINT) END AS cpu_requests,
        CASE WHEN COUNT(cpu_requests_millicores) = COUNT(*) AND COUNT(cpu_usage_millicores) = COUNT(*)
            THEN CAST(SUM(cpu_usage_millicores) AS BIGINT) END AS cpu_usage,
        CASE WHEN COUNT(memory_requests_bytes) = COUNT(*) AND COUNT(memory_usage_bytes) = COUNT(*)
            THEN CAST(SUM(memory_requests_bytes) AS BIGINT) END AS memory_requests,
        CASE WHEN COUNT(memory_requests_bytes) = COUNT(*) AND COUNT(memory_usage_bytes) = COUNT(*)
            THEN CAST(SUM(memory_usage_bytes) AS BIGINT) END AS memory_usage
    FROM nodes
    WHERE date BETWEEN '2026-12-01' AND '2026-12-31'  -- which days
    GROUP BY cluster, date, pool, slot
)
SELECT
    cluster, date, pool,
    COUNT(*) AS slots_seen,
    COUNT(cpu_requests) AS slots,
    AVG(CAST(cpu_requests AS DOUBLE)) AS cpu_requests_millicores,
    AVG(CAST(cpu_usage AS DOUBLE)) AS cpu_usage_millicores,
    AVG(CAST(cpu_requests - cpu_usage AS DOUBLE)) AS cpu_waste_millicores,
    AVG(CAST(memory_requests AS DOUBLE)) AS memory_requests_bytes,
    AVG(CAST(memory_usage AS DOUBLE)) AS memory_usage_bytes,
    AVG(CAST(memory_requests - memory_usage AS DOUBLE)) AS memory_waste_bytes
FROM sums
GROUP BY cluster, date, pool
ORDER BY cluster, date, pool
