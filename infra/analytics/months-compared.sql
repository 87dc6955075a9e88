-- Each pool in one month and in another: nodes, what can be given, requests and usage, on the average and at most.
--
-- Means are over the slots at which the pool was there and the figure was known for all its nodes; the _slots columns
-- say how many those are for usage, which is what is missing most. A month in which the pool was not has nulls.
WITH sums AS (
    SELECT
        cluster, pool, slot,
        CASE WHEN date BETWEEN '2026-10-01' AND '2026-10-31' THEN 1 ELSE 2 END AS month,  -- the first month, here and below
        COUNT(*) AS nodes,
        CASE WHEN COUNT(cpu_allocatable_millicores) = COUNT(*)
            THEN CAST(SUM(cpu_allocatable_millicores) AS BIGINT) END AS allocatable,
        CASE WHEN COUNT(cpu_requests_millicores) = COUNT(*)
            THEN CAST(SUM(cpu_requests_millicores) AS BIGINT) END AS requests,
        CASE WHEN COUNT(cpu_usage_millicores) = COUNT(*)
            THEN CAST(SUM(cpu_usage_millicores) AS BIGINT) END AS used
    FROM nodes
    WHERE date BETWEEN '2026-10-01' AND '2026-10-31'
        OR date BETWEEN '2026-12-01' AND '2026-12-31'  -- the second month
    GROUP BY cluster, pool, slot, CASE WHEN date BETWEEN '2026-10-01' AND '2026-10-31' THEN 1 ELSE 2 END
)
SELECT
    cluster, pool,
    AVG(CASE WHEN month = 1 THEN CAST(nodes AS DOUBLE) END) AS nodes_1,
    AVG(CASE WHEN month = 2 THEN CAST(nodes AS DOUBLE) END) AS nodes_2,
    AVG(CASE WHEN month = 1 THEN CAST(allocatable AS DOUBLE) END) AS cpu_allocatable_1_millicores,
    AVG(CASE WHEN month = 2 THEN CAST(allocatable AS DOUBLE) END) AS cpu_allocatable_2_millicores,
    AVG(CASE WHEN month = 1 THEN CAST(requests AS DOUBLE) END) AS cpu_requests_1_millicores,
    AVG(CASE WHEN month = 2 THEN CAST(requests AS DOUBLE) END) AS cpu_requests_2_millicores,
    MAX(CASE WHEN month = 1 THEN requests END) AS cpu_requests_peak_1_millicores,
    MAX(CASE WHEN month = 2 THEN requests END) AS cpu_requests_peak_2_millicores,
    AVG(CASE WHEN month = 1 THEN CAST(used AS DOUBLE) END) AS cpu_usage_1_millicores,
    AVG(CASE WHEN month = 2 THEN CAST(used AS DOUBLE) END) AS cpu_usage_2_millicores,
    COUNT(CASE WHEN month = 1 THEN used END) AS usage_slots_1,
    COUNT(CASE WHEN month = 2 THEN used END) AS usage_slots_2
FROM sums
GROUP BY cluster, pool
ORDER BY cluster, pool
