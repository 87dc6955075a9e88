/** Nodes in, the table's rows out: searched, filtered, sorted, grouped. Pure; quick enough for every key stroke. */
import type { Node } from "../types/model";
import type { Column, Row, Value } from "./columns";
import {
    groupsOf,
    inTrouble,
    isSum,
    labelTexts,
    nullLast,
    type Sum,
    states,
    TEXTS,
    type TextField,
    taintText,
    textOf,
} from "./nodes";
import { finder } from "./text";

export interface Sort {
    key: string;
    down: boolean;
}

export const FACETS = ["pool", "zone", "instance-type", "capacity-type", "state", "taint"] as const;
export type Facet = (typeof FACETS)[number];
/** Chosen values by facet; null stands for nodes that have none. */
export type Filters = Partial<Record<Facet, (string | null)[]>>;

/** What a node has under a facet. */
function facetValues(node: Node, facet: Facet): (string | null)[] {
    if (facet === "state") return states(node);
    if (facet !== "taint") return [textOf(node, facet)];
    return node.taints?.length ? node.taints.map(taintText) : [null];
}

const haystacks = new WeakMap<Node, string>();

function haystack(node: Node): string {
    const found = haystacks.get(node);
    if (found !== undefined) return found;
    const parts = [
        node.name,
        ...(Object.keys(TEXTS) as TextField[]).map((field) => textOf(node, field) ?? ""),
        ...states(node),
        ...(node.taints?.map(taintText) ?? []),
        ...(node.roles ?? []),
        ...(labelTexts(node) ?? []),
    ];
    const made = parts.join("\n").toLowerCase();
    haystacks.set(node, made);
    return made;
}

/** Nodes in which every word is found somewhere. */
export function search(nodes: readonly Node[], query: string): Node[] {
    const found = finder(query);
    return query.trim() ? nodes.filter((node) => found(haystack(node))) : [...nodes];
}

/** Nodes that have one of the chosen values under every facet; `but` leaves one facet out. */
export function filter(nodes: readonly Node[], filters: Filters, but?: Facet): Node[] {
    const chosen = FACETS.filter((facet) => facet !== but && filters[facet]?.length);
    if (!chosen.length) return [...nodes];
    return nodes.filter((node) =>
        chosen.every((facet) => facetValues(node, facet).some((value) => filters[facet]?.includes(value))),
    );
}

/** How many nodes there are under each value of a facet, given what the other facets leave. */
export function facetCounts(nodes: readonly Node[], filters: Filters, facet: Facet): Map<string | null, number> {
    const counts = new Map<string | null, number>();
    for (const node of filter(nodes, filters, facet)) {
        for (const value of new Set(facetValues(node, facet))) counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    for (const value of filters[facet] ?? []) if (!counts.has(value)) counts.set(value, 0);
    return new Map([...counts].sort(([a], [b]) => nullLast(a, b)));
}

/** Which way a first click sorts: texts rise; of numbers the largest comes first. */
export const firstDown = (column: Column): boolean =>
    column.kind === "bar" || column.kind === "number" || column.kind === "pods";

function compareValues(a: Value, b: Value): number {
    return a === b ? 0 : (a as string) < (b as string) ? -1 : 1;
}

/** Sorted by a column; unknown last both ways, equal ones in the order they came. */
export function sortBy<T>(rows: readonly T[], value: (row: T) => Value, down: boolean): T[] {
    const keyed = rows.map((row, at) => ({ row, at, value: value(row) }));
    const turn = down ? -1 : 1;
    keyed.sort((a, b) => {
        if (a.value === null || b.value === null) {
            return a.value === b.value ? a.at - b.at : a.value === null ? 1 : -1;
        }
        return compareValues(a.value, b.value) * turn || a.at - b.at;
    });
    return keyed.map((each) => each.row);
}

/** Without a sort of the reader's, nodes in trouble come first, each part in the order of names. */
export function arrange(nodes: readonly Node[], column: Column | undefined, down: boolean): Node[] {
    if (column) return sortBy(nodes, column.value, down);
    return [...nodes.filter(inTrouble), ...nodes.filter((node) => !inTrouble(node))];
}

/** Groups with their sums above their nodes; groups sort by their sums where the column has a value for a sum. */
export function grouped(
    nodes: readonly Node[],
    field: TextField,
    column: Column | undefined,
    down: boolean,
    closed: ReadonlySet<string>,
): Row[] {
    let groups: Sum[] = groupsOf(nodes, field);
    if (column && groups.some((group) => column.kind !== "name" && column.value(group) !== null)) {
        groups = sortBy(groups, column.value, down);
    }
    return groups.flatMap((group) => [group, ...(closed.has(group.name) ? [] : group.members)]);
}

/** Nodes alone, without their groups. */
export const onlyNodes = (rows: readonly Row[]): Node[] => rows.filter((row) => !isSum(row));

/** What a click on a heading does: the column's own way first, then the other, then no sort at all. */
export function firstSort(sort: Sort | null, key: string, down: boolean): Sort | null {
    if (sort?.key !== key) return { key, down };
    return sort.down === down ? { key, down: !down } : null;
}
