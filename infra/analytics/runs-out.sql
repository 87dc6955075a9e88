-- How each pool's requests grow, and the day on which they reach what the pool can give if both go on as they are.
--
-- A straight line (least squares) through the peak of each day, against the most that was allocatable on the cluster's
-- last day. No day is named where there are too few days, where requests do not grow, or where it is more than ten
-- years away; a pool that is not there on the last day is not in the list. A slot at which a figure is unknown for one
-- of the pool's nodes is left out.
WITH settings AS (
    SELECT 14 AS least_days
),
sums AS (
    SELECT
        cluster, pool, slot, MAX(slot_unix_seconds - slot_unix_seconds % 86400) AS day,
        CASE WHEN COUNT(cpu_requests_millicores) = COUNT(*)
            THEN CAST(SUM(cpu_requests_millicores) AS BIGINT) END AS cpu_requests,
        CASE WHEN COUNT(cpu_allocatable_millicores) = COUNT(*)
            THEN CAST(SUM(cpu_allocatable_millicores) AS BIGINT) END AS cpu_allocatable,
        CASE WHEN COUNT(memory_requests_bytes) = COUNT(*)
            THEN CAST(SUM(memory_requests_bytes) AS BIGINT) END AS memory_requests,
        CASE WHEN COUNT(memory_allocatable_bytes) = COUNT(*)
            THEN CAST(SUM(memory_allocatable_bytes) AS BIGINT) END AS memory_allocatable
    FROM nodes
    WHERE date BETWEEN '2026-10-03' AND '2026-12-31'  -- the days that the line goes through; here and below
    GROUP BY cluster, pool, slot
),
figures AS (
    SELECT cluster, pool, day, 'cpu' AS resource, cpu_requests AS requests, cpu_allocatable AS allocatable FROM sums
    UNION ALL
    SELECT cluster, pool, day, 'memory' AS resource, memory_requests AS requests, memory_allocatable AS allocatable
    FROM sums
),
last_days AS (
    SELECT cluster, MAX(slot_unix_seconds - slot_unix_seconds % 86400) AS last_day
    FROM clusters  -- a cluster that is scaled to nothing has no nodes on its last day
    WHERE date BETWEEN '2026-10-03' AND '2026-12-31'
    GROUP BY cluster
),
days AS (
    SELECT
        figures.cluster, pool, resource, day, MAX(requests) AS peak, MAX(allocatable) AS allocatable,
        MAX(last_day) AS last_day
    FROM figures
    JOIN last_days ON last_days.cluster = figures.cluster
    GROUP BY figures.cluster, pool, resource, day
),
lines AS (
    SELECT
        cluster, pool, resource, last_day,
        COUNT(peak) AS days,
        REGR_SLOPE(CAST(peak AS DOUBLE), CAST(day - last_day AS DOUBLE) / 86400) AS growth_a_day,
        REGR_INTERCEPT(CAST(peak AS DOUBLE), CAST(day - last_day AS DOUBLE) / 86400) AS requests,
        MAX(CASE WHEN day = last_day THEN allocatable END) AS allocatable,
        MAX(CASE WHEN day = last_day THEN 1 ELSE 0 END) AS is_there
    FROM days
    GROUP BY cluster, pool, resource, last_day
),
ends AS (
    SELECT
        cluster, pool, resource, last_day, days, growth_a_day, requests, allocatable,
        CASE WHEN days >= least_days AND growth_a_day > 0
            AND (allocatable - requests) / growth_a_day <= 3650
            THEN CEIL(GREATEST((allocatable - requests) / growth_a_day, 0)) END AS days_left
    FROM lines
    CROSS JOIN settings
    WHERE is_there = 1
)
SELECT
    cluster, pool, resource, days, growth_a_day, requests AS requests_by_the_line, allocatable,
    CAST(DATE '1970-01-01' + INTERVAL '1' DAY * CAST(last_day / 86400 + days_left AS INTEGER) AS DATE) AS runs_out
FROM ends
ORDER BY cluster, pool, resource
