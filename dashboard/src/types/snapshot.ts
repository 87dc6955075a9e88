// Made by scripts/types.mjs from the job's snapshot.schema.json: npm run types

/** What pods ask for where there is no capacity to hold it against. */
export interface Asked {
    requests: number | null;
    limits: number | null;
}

/** What pods ask of a node that is not listed. */
export interface AskedOfNode {
    requests: number | null;
    limits: number | null;
    scheduled: number | null;
    containers: number | null;
}

/** What the pass asked of the cluster and of its machine. */
export interface CostDocument {
    api_requests: number;
    bytes_read: number;
    pods_read: number;
    seconds: number;
    max_rss_bytes: number;
}

/** How many pods count. */
export interface CountedPods {
    counted: number;
}

/** A namespace's pods that are bound to a node and count. */
export interface Namespace {
    name: string;
    pods: CountedPods;
    resources: Record<string, Asked>;
}

/** One node. `schedulable` is ready and not cordoned; `conditions` are the abnormal ones besides Ready. */
export interface Node {
    name: string;
    uid: string | null;
    created_at: string | null;
    ready: boolean;
    schedulable: boolean;
    cordoned: boolean;
    conditions: string[];
    taints: Taint[];
    roles: string[];
    pool: string | null;
    capacity_type: string | null;
    instance_type: string | null;
    region: string | null;
    zone: string | null;
    architecture: string | null;
    os_image: string | null;
    kubelet_version: string | null;
    labels: Record<string, string>;
    pods: NodePods;
    resources: Record<string, Resource>;
}

/** Nodes by state. */
export interface NodeCounts {
    count: number;
    ready: number;
    schedulable: number;
}

/** A node's pods, and how many the kubelet takes (null: unknown). */
export interface NodePods {
    counted: number;
    pending: number;
    terminating: number | null;
    terminal: number;
    allocatable: number | null;
}

/** Pods by what they count as: `counted` holds requests, pending and terminating are part of it, terminal is not. Null, in here and below: a history that a backfill read does not tell it. */
export interface PodCounts {
    counted: number;
    pending: number;
    terminating: number | null;
    terminal: number;
}

/** One resource of a node or of a sum of nodes. requests and limits as `kubectl describe node` totals them, scheduled as the scheduler counts requests, containers the plain sum over app containers, usage as metrics.k8s.io measured it. */
export interface Resource {
    capacity: number | null;
    allocatable: number | null;
    requests: number | null;
    limits: number | null;
    scheduled: number | null;
    containers: number | null;
    usage: number | null;
}

/** The whole document. */
export interface Snapshot {
    schema: 1;
    cluster: string;
    taken_at: string;
    slot: string;
    trigger: "schedule" | "manual" | "backfill";
    source: Source;
    cost: CostDocument;
    usage: UsageDocument;
    totals: Totals;
    schedulable_totals: Totals;
    nodes: Node[];
    namespaces: Namespace[];
    unscheduled: Unscheduled;
    unknown_nodes: UnknownNode[];
}

/** Where the numbers come from; `consistent` is false where the source could not promise one point in time. `reason`: why the warm cache that was asked for could not be used, and the lists were read instead; of a backfill, what its numbers mean where they mean something else, and where they come from. */
export interface Source {
    kind: "list" | "watch" | "resume" | "dump" | "prometheus" | "velero";
    server_version: string | null;
    pods_resource_version: string | null;
    nodes_resource_version: string | null;
    consistent: boolean;
    reason: string | null;
}

/** A node's taint. */
export interface Taint {
    key: string;
    value: string;
    effect: string;
}

/** Sums over the nodes' own rows, so that anyone can check them; a figure unknown for one node is null. */
export interface Totals {
    nodes: NodeCounts;
    pods: NodePods;
    resources: Record<string, Resource>;
}

/** Pods bound to a node that is not listed: never dropped. */
export interface UnknownNode {
    name: string;
    pods: PodCounts;
    resources: Record<string, AskedOfNode>;
}

/** Pods without a node that have not ended. */
export interface Unscheduled {
    pods: CountedPods;
    resources: Record<string, Asked>;
}

/** Whether usage is known, and why not. `missing_nodes` is empty when no node has usage for one common reason. */
export interface UsageDocument {
    status: "ok" | "partial" | "absent" | "forbidden" | "stale" | "off";
    reason: string | null;
    oldest: string | null;
    missing_nodes: string[];
}
