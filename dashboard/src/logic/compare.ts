/** Two snapshots in, what changed between them out, as the command line's diff. Pure; unknown never becomes a number. */
import { COUNTS } from "../reading/checks";
import type { Figure, Node, Place, PodCounts, Resource, Snapshot } from "../types/model";
import { byResource } from "./amounts";
import { search } from "./arrange";
import { cordoned, labelTexts, states, taintText } from "./nodes";
import { finder } from "./text";

/** One integer that is not the same on both sides; `resource` is "pods" for counts of pods. */
export interface Delta {
    resource: string;
    figure: string;
    before: number | null;
    after: number | null;
    /** after − before; null where a side is unknown. */
    value: number | null;
}

export interface NodeChange {
    name: string;
    before: Node;
    after: Node;
    deltas: Delta[];
    /** In words: "Ready → NotReady", "+taint a=b:NoSchedule". */
    words: string[];
    /** The name came back with another uid. */
    recreated: boolean;
    urgent: boolean;
    share: number;
}

export interface PlaceChange {
    name: string;
    deltas: Delta[];
    share: number;
}

export interface Comparison {
    before: Snapshot;
    after: Snapshot;
    totals: Delta[];
    came: Node[];
    went: Node[];
    changed: NodeChange[];
    unchanged: number;
    /** null: a side does not know its namespaces. */
    namespaces: PlaceChange[] | null;
    unscheduled: Delta[];
    unknownNodes: PlaceChange[] | null;
}

const NODE_FIGURES = ["allocatable", "requests", "limits", "usage"] as const;
const PLACE_FIGURES = ["requests", "limits"] as const;
const TEXTS = [
    ["pool", "pool"],
    ["capacity_type", "capacity type"],
    ["instance_type", "type"],
    ["region", "region"],
    ["zone", "zone"],
    ["architecture", "architecture"],
    ["os_image", "OS"],
    ["kubelet_version", "version"],
] as const;

const NOTABLE_USAGE = 0.1; // of allocatable; usage moves a little on every node all the time

/** What both a node and a place have, as far as they have it. */
interface Side {
    pods?: Partial<PodCounts>;
    resources?: Record<string, Partial<Resource>>;
}

export function compare(before: Snapshot, after: Snapshot): Comparison {
    const olds = byName(before.nodes);
    const news = byName(after.nodes);
    const changed: NodeChange[] = [];
    let unchanged = 0;
    for (const [name, node] of news) {
        const old = olds.get(name);
        const change = old && nodeChange(name, old, node);
        if (change) changed.push(change);
        else if (old) unchanged += 1;
    }
    changed.sort((a, b) => Number(b.urgent) - Number(a.urgent) || b.share - a.share || (a.name < b.name ? -1 : 1));
    return {
        before,
        after,
        totals: [...nodeCounts(before, after), ...deltas(before.totals, after.totals, NODE_FIGURES)],
        came: after.nodes.filter((node) => !olds.has(node.name)),
        went: before.nodes.filter((node) => !news.has(node.name)),
        changed,
        unchanged,
        namespaces: places(before.namespaces, after.namespaces, after),
        unscheduled:
            before.unscheduled && after.unscheduled ? deltas(before.unscheduled, after.unscheduled, PLACE_FIGURES) : [],
        unknownNodes: places(before.unknown_nodes, after.unknown_nodes, after),
    };
}

const byName = <T extends { name: string }>(rows: readonly T[]): Map<string, T> =>
    new Map(rows.map((row) => [row.name, row]));

/** Of nodes those that a search finds, of places those by whose name it does; the cluster's own numbers stay. */
export function narrowed(whole: Comparison, query: string): Comparison {
    if (!query.trim()) return whole;
    const isFound = finder(query);
    const named = (places: PlaceChange[] | null) => places?.filter(({ name }) => isFound(name.toLowerCase())) ?? null;
    const found = new Set([...search(whole.before.nodes, query), ...search(whole.after.nodes, query)].map(nameOf));
    const [came, went, changed] = [whole.came, whole.went, whole.changed].map((rows) =>
        (rows as { name: string }[]).filter(({ name }) => found.has(name)),
    ) as [Node[], Node[], NodeChange[]];
    return {
        ...whole,
        came,
        went,
        changed,
        unchanged: found.size - came.length - went.length - changed.length,
        namespaces: named(whole.namespaces),
        unknownNodes: named(whole.unknownNodes),
    };
}

const nameOf = ({ name }: { name: string }): string => name;

/** Whether a change says more than that a usage, or the number of terminal pods, moved a little. */
export function notable(change: NodeChange): boolean {
    if (change.words.length || change.recreated) return true;
    return change.deltas.some(
        (delta) =>
            ["counted", "requests", "limits", "allocatable"].includes(delta.figure) ||
            (delta.figure === "usage" && share(delta, change.after, change.before) >= NOTABLE_USAGE),
    );
}

function nodeChange(name: string, before: Node, after: Node): NodeChange | null {
    const moved = deltas(before, after, NODE_FIGURES);
    const words = stateWords(before, after);
    const recreated = before.uid !== after.uid && Boolean(before.uid && after.uid);
    if (!moved.length && !words.length && !recreated) return null;
    const urgent = before.ready !== after.ready || cordoned(before) !== cordoned(after);
    const largest = Math.max(0, ...moved.map((delta) => share(delta, after, before)));
    return { name, before, after, deltas: moved, words, recreated, urgent, share: largest };
}

/** What is no number, in kubectl's words. */
function stateWords(before: Node, after: Node): string[] {
    const words: string[] = [];
    const [old, now] = [states(before), states(after)];
    if (old[0] !== now[0]) words.push(`${old[0]} → ${now[0]}`);
    words.push(...setWords("", old.slice(1), now.slice(1)));
    words.push(...setWords("role ", before.roles, after.roles));
    words.push(...setWords("taint ", before.taints?.map(taintText) ?? null, after.taints?.map(taintText) ?? null));
    words.push(...setWords("label ", labelTexts(before), labelTexts(after)));
    for (const [field, said] of TEXTS) {
        if (before[field] !== after[field]) words.push(`${said} ${before[field] ?? "?"} → ${after[field] ?? "?"}`);
    }
    return words;
}

function setWords(noun: string, old: string[] | null, now: string[] | null): string[] {
    if (old === null || now === null) return old === now ? [] : [`${noun || "conditions "}unknown on one side`];
    const added = now.filter((item) => !old.includes(item)).map((item) => `+${noun}${item}`);
    return [...added, ...old.filter((item) => !now.includes(item)).map((item) => `−${noun}${item}`)];
}

function nodeCounts(before: Snapshot, after: Snapshot): Delta[] {
    return (["count", "ready", "schedulable"] as const).flatMap((name) =>
        delta("nodes", name, before.totals.nodes[name], after.totals.nodes[name]),
    );
}

function deltas(before: Side, after: Side, figures: readonly Figure[]): Delta[] {
    const made = COUNTS.flatMap((name) => delta("pods", name, countOf(before, name), countOf(after, name)));
    const names = new Set([...Object.keys(before.resources ?? {}), ...Object.keys(after.resources ?? {})]);
    names.delete("pods");
    for (const name of [...names].sort(byResource)) {
        for (const figure of figures)
            made.push(...delta(name, figure, amountOf(before, name, figure), amountOf(after, name, figure)));
    }
    return made;
}

function delta(resource: string, figure: string, before: number | null, after: number | null): Delta[] {
    if (before === after) return [];
    return [{ resource, figure, before, after, value: before === null || after === null ? null : after - before }];
}

const countOf = (side: Side, name: keyof PodCounts): number | null =>
    side.pods && name in side.pods ? (side.pods[name] ?? null) : 0;

/** A figure; of a resource that is not there: 0, but unknown for usage and where a node has reported nothing. */
function amountOf(side: Side, name: string, figure: Figure): number | null {
    const resources = side.resources ?? {};
    if (Object.hasOwn(resources, name)) return resources[name]?.[figure] ?? null;
    if (figure === "usage") return null;
    const rows = Object.values(resources);
    return figure === "allocatable" && rows.length && rows.every((row) => row.allocatable == null) ? null : 0;
}

/** How much of the allocatable (the first side that has any) moved: nothing if unknown, all if nobody has any. */
function share(moved: Delta, ...sides: Side[]): number {
    if (moved.value === null) return 0;
    for (const side of sides) {
        const pods = side.pods?.allocatable || side.pods?.counted;
        const of = moved.resource === "pods" ? pods : amountOf(side, moved.resource, "allocatable");
        if (of) return Math.abs(moved.value) / of;
    }
    return 1;
}

function places(before: Place[] | null, after: Place[] | null, whole: Snapshot): PlaceChange[] | null {
    if (before === null || after === null) return null;
    const [olds, news] = [byName(before), byName(after)];
    const names = [...new Set([...olds.keys(), ...news.keys()])].sort();
    const changes = names.map((name) => {
        const moved = deltas(sideOf(olds.get(name)), sideOf(news.get(name)), PLACE_FIGURES);
        return { name, deltas: moved, share: Math.max(0, ...moved.map((each) => share(each, whole.totals))) };
    });
    return changes.filter((change) => change.deltas.length).sort((a, b) => b.share - a.share);
}

const sideOf = (place: Place | undefined): Side => (place ? { pods: place.pods, resources: place.resources } : {});
