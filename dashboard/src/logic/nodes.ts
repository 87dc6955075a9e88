/** A node in, one value of it out; several in, their sum out. Pure; null is unknown. */
import { COUNTS, FIGURES } from "../reading/checks";
import type { Figure, Node, PodCounts, Resource, Resources, Taint } from "../types/model";
import { byResource, ratio, sum } from "./amounts";
import { ABSENT, harmless, UNKNOWN } from "./text";

export const POD_SLOTS = "pods"; // in resources: how many pods a node takes; pods themselves are in node.pods
export const TEXTS = {
    pool: "pool",
    zone: "zone",
    region: "region",
    "instance-type": "instance_type",
    "capacity-type": "capacity_type",
    architecture: "architecture",
    "kubelet-version": "kubelet_version",
    "os-image": "os_image",
} as const;
export type TextField = keyof typeof TEXTS;
export const GROUPS: TextField[] = ["pool", "zone", "instance-type", "capacity-type", "region", "architecture"];

type WithResources = { resources: Record<string, Partial<Resource>> };

/** One figure of one resource; null where it is unknown or the node has no such resource. */
export function figure(row: WithResources, resource: string, name: Figure): number | null {
    return (Object.hasOwn(row.resources, resource) ? row.resources[resource]?.[name] : null) ?? null;
}

export const has = (row: WithResources, resource: string): boolean => Object.hasOwn(row.resources, resource);

/** What stands for a resource that a row does not have: of a node that has reported nothing at all, it is unknown. */
export const lacking = (row: WithResources): string => (saysNothing(row) ? UNKNOWN : ABSENT);

const saysNothing = (row: WithResources): boolean => {
    for (const _ in row.resources) return false;
    return true;
};

/** allocatable − requests; may be negative. */
export function headroom(row: WithResources, resource: string): number | null {
    const [allocatable, requests] = [figure(row, resource, "allocatable"), figure(row, resource, "requests")];
    return allocatable === null || requests === null ? null : allocatable - requests;
}

/** requests of allocatable. */
export const fullness = (row: WithResources, resource: string): number | null =>
    ratio(figure(row, resource, "requests"), figure(row, resource, "allocatable"));

export const textOf = (node: Node, field: TextField): string | null => node[TEXTS[field]];

/** Whether new pods are kept off; a snapshot from before the field existed says it by what is left. */
export function cordoned(node: Node): boolean {
    return node.cordoned ?? (node.ready === true && node.schedulable === false);
}

/** The node's state in kubectl's words, worst first: NotReady, SchedulingDisabled, then abnormal conditions. */
export function states(node: Node): string[] {
    const ready = node.ready === null ? "Unknown" : node.ready ? "Ready" : "NotReady";
    return [ready, ...(cordoned(node) ? ["SchedulingDisabled"] : []), ...(node.conditions ?? [])];
}

/** When the node was made; a dump may hold any text there. */
export function bornAt({ created_at }: Node): number | null {
    const born = Date.parse(created_at ?? "");
    return Number.isNaN(born) ? null : born;
}

export const inTrouble = (node: Node): boolean =>
    node.ready !== true || cordoned(node) || (node.conditions?.length ?? 0) > 0;

export const labelTexts = ({ labels }: Node): string[] | null =>
    labels && Object.entries(labels).map((pair) => pair.join("="));

export const taintText = (taint: Taint): string =>
    `${taint.key}${taint.value ? `=${taint.value}` : ""}:${taint.effect}`;

/** Every resource but the pod slots: cpu and memory first, the others by name. */
export function resourceNames(rows: Iterable<WithResources>): string[] {
    const names = new Set<string>();
    for (const row of rows) for (const name in row.resources) names.add(name);
    names.delete(POD_SLOTS);
    return [...names].sort(byResource);
}

/** nvidia.com/gpu → gpu, where nothing else is called so too. */
export function shortNames(resources: readonly string[]): Map<string, string> {
    const taken = new Map<string, number>(RESERVED.map((name) => [name, 1]));
    const ends = resources.map((name) => name.slice(name.lastIndexOf("/") + 1));
    for (const [at, end] of ends.entries()) if (end !== resources[at]) taken.set(end, (taken.get(end) ?? 0) + 1);
    for (const name of resources) if (!name.includes("/")) taken.set(name, (taken.get(name) ?? 0) + 1);
    return new Map(
        resources.map((name, at) => [name, taken.get(ends[at] as string) === 1 ? (ends[at] as string) : name]),
    );
}

const RESERVED = ["name", "state", "role", "age", "pods", "taints", "labels", ...Object.keys(TEXTS)];

const NEARLY_FULL = 0.8;

/**
 * Resources beside cpu and memory that a reader wants to see unasked: devices that there are, huge pages that are asked
 * for, and storage that runs out somewhere.
 */
export function extraResources(rows: readonly WithResources[]): string[] {
    const matters = (row: WithResources, name: string) => {
        if (name === "ephemeral-storage") return (fullness(row, name) ?? 0) >= NEARLY_FULL;
        const parts = name.startsWith("hugepages-") ? (["requests"] as const) : (["allocatable", "requests"] as const);
        return parts.some((part) => (figure(row, name, part) ?? 0) > 0);
    };
    return resourceNames(rows).filter(
        (name) => name !== "cpu" && name !== "memory" && rows.some((row) => matters(row, name)),
    );
}

/** Nodes added up in the shape of a node, so that every column can show them. */
export interface Sum extends Node {
    members: Node[];
    /** `resource/figure` → for how many members it is unknown, and what the others come to. */
    partial: Map<string, { unknown: number; known: number }>;
    /** The sum of all that is shown, not of a group: it cannot be folded. */
    whole: boolean;
}

export const isSum = (row: Node | Sum): row is Sum => "members" in row;

export function sumOf(label: string, members: Node[], whole = false): Sum {
    const partial = new Map<string, { unknown: number; known: number }>();
    const resources: Resources = Object.create(null); // a resource may be called __proto__
    for (const name of namesIn(members)) resources[name] = sumResource(name, members, partial);
    const pods = Object.fromEntries(
        COUNTS.map((name) => [name, sum(members.map((node) => node.pods[name]))]),
    ) as PodCounts;
    return { ...NOTHING, name: label, pods, resources, members, partial, whole };
}

function namesIn(members: Node[]): Set<string> {
    const names = new Set<string>();
    for (const node of members) for (const name in node.resources) names.add(name);
    return names;
}

/** A node that does not have the resource adds 0; one that does not know it, or knows nothing, makes the sum unknown. */
function sumResource(name: string, members: Node[], partial: Sum["partial"]): Resource {
    const made = {} as Resource;
    const held: (Partial<Resource> | undefined)[] = []; // each node looked into once, not at every figure
    for (const node of members) {
        if (has(node, name)) held.push(node.resources[name]);
        else if (saysNothing(node)) held.push(undefined);
    }
    for (const part of FIGURES) {
        let [known, unknown] = [0, 0];
        for (const figures of held) {
            const value = figures?.[part] ?? null;
            if (value === null) unknown += 1;
            else known += value;
        }
        made[part] = unknown ? null : known;
        if (unknown) partial.set(`${name}/${part}`, { unknown, known });
    }
    return made;
}

const NOTHING: Omit<Node, "name" | "pods" | "resources"> = {
    uid: null,
    created_at: null,
    ready: null,
    schedulable: null,
    cordoned: null,
    conditions: null,
    taints: null,
    roles: null,
    pool: null,
    capacity_type: null,
    instance_type: null,
    region: null,
    zone: null,
    architecture: null,
    os_image: null,
    kubelet_version: null,
    labels: null,
};

/** Nodes by one of their texts; those without it come last. */
export function nodesBy(nodes: readonly Node[], field: TextField): [string | null, Node[]][] {
    const groups = new Map<string | null, Node[]>();
    for (const node of nodes) {
        const name = textOf(node, field);
        const group = groups.get(name);
        if (group) group.push(node);
        else groups.set(name, [node]);
    }
    return [...groups].sort(([a], [b]) => nullLast(a, b));
}

/** Texts in their order, those that are none behind them. */
export const nullLast = (a: string | null, b: string | null): number =>
    a === null ? 1 : b === null ? -1 : a < b ? -1 : 1;

export const groupsOf = (nodes: readonly Node[], field: TextField): Sum[] =>
    nodesBy(nodes, field).map(([name, members]) => sumOf(name === null ? `no ${field}` : harmless(name), members));

/** What nodes can be grouped by: the texts that any of them has, and what they are grouped by already. */
export const groupFields = (nodes: readonly Node[], chosen: TextField | null = null): TextField[] =>
    GROUPS.filter((field) => field === chosen || nodes.some((node) => textOf(node, field) !== null));
