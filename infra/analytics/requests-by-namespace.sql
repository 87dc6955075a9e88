-- What each namespace requests, by day: mean and peak, and its part of all that was requested at the same slots.
--
-- Usage by namespace is not known, and so neither is its waste. A slot at which a namespace's requests are unknown is
-- left out of its figures; one at which any namespace's are unknown is left out of the parts.
WITH totals AS (
    SELECT
        cluster, slot,
        CASE WHEN COUNT(cpu_requests_millicores) = COUNT(*)
            THEN CAST(SUM(cpu_requests_millicores) AS BIGINT) END AS cpu_requests,
        CASE WHEN COUNT(memory_requests_bytes) = COUNT(*)
            THEN CAST(SUM(memory_requests_bytes) AS BIGINT) END AS memory_requests
    FROM namespaces
    WHERE date BETWEEN '2026-12-01' AND '2026-12-31'  -- which days; here and below
    GROUP BY cluster, slot
)
SELECT
    namespaces.cluster, namespaces.date, namespaces.namespace,
    COUNT(*) AS slots_seen,
    AVG(CAST(cpu_requests_millicores AS DOUBLE)) AS cpu_requests_millicores,
    MAX(cpu_requests_millicores) AS cpu_requests_peak_millicores,
    AVG(CAST(cpu_requests_millicores AS DOUBLE) / NULLIF(cpu_requests, 0)) AS cpu_part,
    AVG(CAST(memory_requests_bytes AS DOUBLE)) AS memory_requests_bytes,
    MAX(memory_requests_bytes) AS memory_requests_peak_bytes,
    AVG(CAST(memory_requests_bytes AS DOUBLE) / NULLIF(memory_requests, 0)) AS memory_part
FROM namespaces
JOIN totals ON totals.cluster = namespaces.cluster AND totals.slot = namespaces.slot
WHERE namespaces.date BETWEEN '2026-12-01' AND '2026-12-31'
GROUP BY namespaces.cluster, namespaces.date, namespaces.namespace
ORDER BY namespaces.cluster, namespaces.date, namespaces.namespace
