/** The store's derived documents, as job/nodetally/store/indexes.py makes them. */

export interface SmallResource {
    allocatable: number | null;
    requests: number | null;
    limits: number | null;
    usage: number | null;
}

export interface SmallTotals {
    nodes: { count: number | null; ready: number | null; schedulable: number | null };
    pods: { counted: number | null };
    resources: Record<string, SmallResource>;
}

/** clusters.json */
export interface Clusters {
    schema: number;
    clusters: string[];
}

/** One snapshot in a day index. */
export interface Entry {
    key: string;
    slot: string;
    taken_at: string | null;
    trigger: string | null;
    source: string | null;
    usage: string | null;
    totals: SmallTotals;
}

/** clusters/C/days/DATE.json */
export interface DayIndex {
    schema: number;
    cluster: string;
    date: string;
    snapshots: Entry[];
}

export interface End {
    slot: string;
    key: string;
    taken_at: string | null;
}

export interface Point {
    slot: string;
    totals: SmallTotals;
}

/** clusters/C/index.json */
export interface ClusterIndex {
    schema: number;
    cluster: string;
    days: string[];
    first: End | null;
    last: End;
    totals: SmallTotals;
    recent: Point[];
}
