-- Nodes that never used more than a part of what they can give, neither of CPU nor of memory: what could go.
--
-- Only what is known can be told: of `slots_seen`, usage was unknown at `slots_unknown`. A node whose usage was never
-- known is not in the list. Two nodes of one name, one after the other, are two.
WITH settings AS (
    SELECT 20 AS percent  -- of allocatable
),
measured AS (
    SELECT
        cluster, node, uid, pool,
        CASE WHEN cpu_usage_millicores * 100 > percent * cpu_allocatable_millicores
            OR memory_usage_bytes * 100 > percent * memory_allocatable_bytes THEN 1 ELSE 0 END AS above,
        CASE WHEN cpu_usage_millicores IS NULL OR cpu_allocatable_millicores IS NULL
            OR memory_usage_bytes IS NULL OR memory_allocatable_bytes IS NULL THEN 1 ELSE 0 END AS unknown,
        CAST(cpu_usage_millicores AS DOUBLE) * 100 / NULLIF(cpu_allocatable_millicores, 0) AS cpu_usage,
        CAST(memory_usage_bytes AS DOUBLE) * 100 / NULLIF(memory_allocatable_bytes, 0) AS memory_usage,
        CAST(cpu_requests_millicores AS DOUBLE) * 100 / NULLIF(cpu_allocatable_millicores, 0) AS cpu_requests,
        CAST(memory_requests_bytes AS DOUBLE) * 100 / NULLIF(memory_allocatable_bytes, 0) AS memory_requests
    FROM nodes
    CROSS JOIN settings
    WHERE date BETWEEN '2026-12-01' AND '2026-12-31'  -- which days
)
SELECT
    cluster, node, uid, MAX(pool) AS pool,
    COUNT(*) AS slots_seen,
    SUM(unknown) AS slots_unknown,
    MAX(cpu_usage) AS cpu_usage_peak_percent,
    MAX(memory_usage) AS memory_usage_peak_percent,
    MAX(cpu_requests) AS cpu_requests_peak_percent,
    MAX(memory_requests) AS memory_requests_peak_percent
FROM measured
GROUP BY cluster, node, uid
HAVING MAX(above) = 0 AND SUM(unknown) < COUNT(*)
ORDER BY cluster, node, uid
