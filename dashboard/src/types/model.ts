/** A snapshot as the page works with it: the job's types, where what an older or a filled-in snapshot may lack is null. */
import type * as stored from "./snapshot";

type Unknown<T, K extends keyof T> = Omit<T, K> & { [P in K]: T[P] | null };

export type Resource = stored.Resource;
export type Taint = stored.Taint;
export type Totals = stored.Totals;
export type Resources = Record<string, Resource>;
export type Figure = keyof Resource;

export type PodCounts = { [P in keyof stored.NodePods]: number | null };

export type Node = Omit<
    Unknown<
        Required<stored.Node>,
        "uid" | "ready" | "schedulable" | "cordoned" | "conditions" | "taints" | "roles" | "labels"
    >,
    "pods"
> & { pods: PodCounts };

/** What pods ask for in a place without capacity of its own. */
export interface Place {
    name: string;
    pods: { counted: number | null };
    resources: Record<string, { requests: number | null; limits: number | null }>;
}

export type Usage = stored.UsageDocument;

export interface Snapshot {
    schema: number;
    cluster: string;
    taken_at: string | null;
    slot: string;
    trigger: string;
    source: Unknown<stored.Source, "consistent">;
    cost: stored.CostDocument | null;
    usage: Usage;
    totals: Totals;
    nodes: Node[];
    namespaces: Place[] | null;
    unscheduled: Place | null;
    unknown_nodes: Place[] | null;
}
