-- Peak and 95th percentile of what each pool requests and uses, by day.
--
-- A pool's sum at a slot is unknown where it is unknown for one of its nodes; such slots are left out, and `slots`
-- says how many are in. A figure that is known at no slot of a day has no row. The percentile is a value that was
-- there: the smallest one that 95 % of the slots do not exceed.
WITH sums AS (
    SELECT
        cluster, date, pool, slot,
        CASE WHEN COUNT(cpu_requests_millicores) = COUNT(*)
            THEN CAST(SUM(cpu_requests_millicores) AS BIGINT) END AS cpu_requests,
        CASE WHEN COUNT(cpu_usage_millicores) = COUNT(*)
            THEN CAST(SUM(cpu_usage_millicores) AS BIGINT) END AS cpu_usage,
        CASE WHEN COUNT(memory_requests_bytes) = COUNT(*)
            THEN CAST(SUM(memory_requests_bytes) AS BIGINT) END AS memory_requests,
        CASE WHEN COUNT(memory_usage_bytes) = COUNT(*)
            THEN CAST(SUM(memory_usage_bytes) AS BIGINT) END AS memory_usage
    FROM nodes
    WHERE date BETWEEN '2026-12-01' AND '2026-12-31'  -- which days
    GROUP BY cluster, date, pool, slot
),
figures AS (
    SELECT cluster, date, pool, 'cpu_requests_millicores' AS figure, cpu_requests AS amount FROM sums
    UNION ALL
    SELECT cluster, date, pool, 'cpu_usage_millicores' AS figure, cpu_usage AS amount FROM sums
    UNION ALL
    SELECT cluster, date, pool, 'memory_requests_bytes' AS figure, memory_requests AS amount FROM sums
    UNION ALL
    SELECT cluster, date, pool, 'memory_usage_bytes' AS figure, memory_usage AS amount FROM sums
),
ranked AS (
    SELECT
        cluster, date, pool, figure, amount,
        ROW_NUMBER() OVER (PARTITION BY cluster, date, pool, figure ORDER BY amount) AS place,
        COUNT(*) OVER (PARTITION BY cluster, date, pool, figure) AS slots
    FROM figures
    WHERE amount IS NOT NULL
)
SELECT
    cluster, date, pool, figure,
    MAX(slots) AS slots,
    MIN(CASE WHEN place * 100 >= slots * 95 THEN amount END) AS p95,
    MAX(amount) AS peak
FROM ranked
GROUP BY cluster, date, pool, figure
ORDER BY cluster, date, pool, figure
