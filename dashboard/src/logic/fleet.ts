/** Clusters in, the fleet table's rows out: their troubles, sums, search and order. Pure. */
import type { Problem } from "../reading/problem";
import type { SmallTotals } from "../types/derived";
import { sum } from "./amounts";
import { type Sort, sortBy } from "./arrange";
import type { Value } from "./columns";
import { fullness } from "./nodes";
import { finder } from "./text";
import type { Trouble } from "./trouble";

export interface FleetRow {
    name: string;
    totals: SmallTotals | null;
    takenAt: number | null;
    troubles: Trouble[];
    problem: Problem | null;
    loading: boolean;
}

export const FLEET_KEYS = ["name", "nodes", "pods", "cpu", "memory", "seen"] as const;
export type FleetKey = (typeof FLEET_KEYS)[number];

const share = (row: FleetRow, name: string): number | null => row.totals && fullness(row.totals, name);

const VALUES: Record<FleetKey, (row: FleetRow) => Value> = {
    name: (row) => row.name,
    nodes: (row) => row.totals?.nodes.count ?? null,
    pods: (row) => row.totals?.pods.counted ?? null,
    cpu: (row) => share(row, "cpu"),
    memory: (row) => share(row, "memory"),
    seen: (row) => row.takenAt,
};

/** By the reader's sort; without one, the worst trouble first, then by name. */
export function arrangeFleet(rows: readonly FleetRow[], query: string, sort: Sort | null): FleetRow[] {
    const isFound = finder(query);
    const found = rows.filter((row) => isFound(row.name.toLowerCase()));
    const key = FLEET_KEYS.find((each) => each === sort?.key);
    if (sort && key) return sortBy(found, VALUES[key], sort.down);
    const weight = (row: FleetRow) => row.troubles[0]?.weight ?? 0;
    return [...found].sort((a, b) => weight(b) - weight(a) || (a.name < b.name ? -1 : 1));
}

export interface FleetSum {
    clusters: number;
    /** null: unknown for a cluster, or nothing is known of any. */
    nodes: number | null;
    notReady: number | null;
    pods: number | null;
    troubled: number;
    /** Clusters of which no totals are known: the sums are without them. */
    without: number;
}

export function sumFleet(rows: readonly FleetRow[]): FleetSum {
    const known = rows.flatMap((row) => (row.totals ? [row.totals] : []));
    const total = (of: (totals: SmallTotals) => number | null) =>
        rows.length && !known.length ? null : sum(known.map(of));
    const [nodes, ready] = [total(({ nodes: { count } }) => count), total(({ nodes }) => nodes.ready)];
    return {
        clusters: rows.length,
        nodes,
        notReady: nodes === null || ready === null ? null : nodes - ready,
        pods: total(({ pods }) => pods.counted),
        troubled: rows.filter((row) => row.troubles.some(({ weight }) => weight > 0)).length,
        without: rows.length - known.length,
    };
}
