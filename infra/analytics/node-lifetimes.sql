-- How long each node was there: from the first to the last slot that it was seen at, and whether it still is.
--
-- A node lives a little longer than it is seen: up to the time between two snapshots at either end. Two nodes of one
-- name, one after the other, are two: their uids differ.
WITH ends AS (
    SELECT cluster, MAX(slot) AS last_slot
    FROM clusters
    WHERE date BETWEEN '2026-01-01' AND '2026-12-31'  -- which days; here and below
    GROUP BY cluster
)
SELECT
    nodes.cluster, nodes.node, nodes.uid, MAX(pool) AS pool, MAX(capacity_type) AS capacity_type,
    MIN(created_at) AS created_at,
    MIN(slot) AS first_seen,
    MAX(slot) AS last_seen,
    COUNT(*) AS slots_seen,
    CAST(MAX(slot_unix_seconds) - MIN(slot_unix_seconds) AS DOUBLE) / 3600 AS hours_seen,
    MAX(slot) = MAX(last_slot) AS still_there
FROM nodes
JOIN ends ON ends.cluster = nodes.cluster
WHERE nodes.date BETWEEN '2026-01-01' AND '2026-12-31'
GROUP BY nodes.cluster, nodes.node, nodes.uid
ORDER BY nodes.cluster, nodes.node, nodes.uid
