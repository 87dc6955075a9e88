/** The smallest documents that the page accepts, to be changed by a test where it matters. */
import type { SmallTotals } from "../src/types/derived";
import type { Node, Resource, Snapshot } from "../src/types/model";

export const MARKUP = "<img src=x onerror=alert(1)>";

export const resource = (given: Partial<Resource> = {}): Resource => ({
    capacity: null,
    allocatable: null,
    requests: null,
    limits: null,
    scheduled: null,
    containers: null,
    usage: null,
    ...given,
});

export function node(name: string, given: Partial<Node> = {}): Node {
    return {
        name,
        uid: `uid-${name}`,
        created_at: "2026-11-01T00:00:00Z",
        ready: true,
        schedulable: true,
        cordoned: false,
        conditions: [],
        taints: [],
        roles: [],
        pool: null,
        capacity_type: null,
        instance_type: null,
        region: null,
        zone: null,
        architecture: null,
        os_image: null,
        kubelet_version: null,
        labels: {},
        pods: { counted: 1, pending: 0, terminating: 0, terminal: 0, allocatable: 110 },
        resources: {},
        ...given,
    };
}

/** A node whose cpu is all that is known of it, in millicores. */
export const cpuNode = (
    name: string,
    requests: number | null,
    allocatable: number | null = 1000,
    given: Partial<Node> = {},
): Node => node(name, { resources: { cpu: resource({ requests, allocatable }) }, ...given });

export function smallTotals(given: Partial<SmallTotals["resources"][string]> = {}, nodes = 1): SmallTotals {
    const cpu = { allocatable: 1000, requests: 500, limits: 0, usage: 100, ...given };
    return { nodes: { count: nodes, ready: nodes, schedulable: nodes }, pods: { counted: 3 }, resources: { cpu } };
}

export const totalsOf = (nodes: readonly Node[]): Snapshot["totals"] => ({
    nodes: { count: nodes.length, ready: nodes.length, schedulable: nodes.length },
    pods: { counted: nodes.length, pending: 0, terminating: 0, terminal: 0, allocatable: null },
    resources: {},
});

export function snapshot(nodes: Node[], given: Partial<Snapshot> = {}): Snapshot {
    return {
        schema: 1,
        cluster: "prod",
        taken_at: "2026-11-23T12:00:03Z",
        slot: "2026-11-23T12:00:00Z",
        trigger: "schedule",
        source: {
            kind: "list",
            server_version: null,
            pods_resource_version: null,
            nodes_resource_version: null,
            consistent: true,
            reason: null,
        },
        cost: null,
        usage: { status: "ok", reason: null, oldest: null, missing_nodes: [] },
        totals: totalsOf(nodes),
        nodes,
        namespaces: [],
        unscheduled: { name: "", pods: { counted: 0 }, resources: {} },
        unknown_nodes: [],
        ...given,
    };
}

/** What the store would hold: plain JSON, not shared with anything. */
export const stored = (value: unknown): Record<string, unknown> => JSON.parse(JSON.stringify(value));
