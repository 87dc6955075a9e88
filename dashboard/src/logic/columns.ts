/** What the node table can show: a column for every field of the snapshot, by the command line's own keys. Pure. */
import type { Figure, Node } from "../types/model";
import { amount, exact, storedUnit, unitOf } from "./amounts";
import { isMeasured } from "./bar";
import {
    bornAt,
    extraResources,
    figure,
    fullness,
    has,
    headroom,
    inTrouble,
    isSum,
    labelTexts,
    lacking,
    resourceNames,
    type Sum,
    shortNames,
    states,
    TEXTS,
    type TextField,
    taintText,
    textOf,
} from "./nodes";
import { ABSENT, count, grouped, harmless, numberText, UNKNOWN } from "./text";
import { age } from "./times";

export type Value = string | number | null;
export type Row = Node | Sum;

export interface Column {
    key: string;
    title: string;
    /** Under which heading of the column chooser. */
    group: string;
    kind: "name" | "state" | "text" | "number" | "bar" | "pods";
    resource?: string;
    /** What sorting compares; null is unknown and comes last. */
    value: (row: Row) => Value;
    /** What the cell says. */
    text: (row: Row) => string;
    /** What hovering adds: exact integers, whole lists. */
    hover?: (row: Row) => string;
    /** What a CSV holds: stored integers, so that nothing is lost. */
    raw: (row: Row) => Value;
    rawTitle: string;
}

const AMOUNTS: (Figure | "headroom")[] = ["requests", "limits", "usage", "headroom", "allocatable", "capacity", "scheduled", "containers"]; // biome-ignore format: one list
const TITLES: Record<string, string> = {
    "instance-type": "type",
    "capacity-type": "capacity type",
    "kubelet-version": "version",
    "os-image": "OS",
};

export interface Columns {
    all: Column[];
    byKey: Map<string, Column>;
    /** Those that say something about these nodes. */
    usual: string[];
    /** Where there is room for little. */
    phone: string[];
}

/** All columns of these nodes. Ages are as of the snapshot, so that they stand still. */
export function columnsOf(nodes: readonly Node[], takenAt: number): Columns {
    const resources = resourceNames(nodes);
    const short = shortNames(resources);
    const texts = Object.keys(TEXTS) as TextField[];
    const all = [
        NAME,
        STATE,
        ...texts.filter((field) => field !== "os-image" && field !== "kubelet-version").map(textColumn),
        listColumn("role", "role", (node) => node.roles),
        PODS,
        ...(["pending", "terminating", "terminal", "allocatable"] as const).map(podColumn),
        ...resources.flatMap((name) => resourceColumns(name, short.get(name) as string)),
        listColumn("taints", "taints", (node) => node.taints?.map(taintText) ?? null),
        listColumn("labels", "labels", labelTexts),
        ageColumn(takenAt),
        textColumn("kubelet-version"),
        textColumn("os-image"),
    ];
    return { all, byKey: new Map(all.map((column) => [column.key, column])), usual: usual(nodes, short), phone: PHONE };
}

const PHONE = ["name", "cpu", "memory", "state"];

function usual(nodes: readonly Node[], short: Map<string, string>): string[] {
    const any = (field: TextField) => nodes.some((node) => textOf(node, field) !== null);
    const texts = (["pool", "zone", "instance-type"] as TextField[]).filter(any);
    const extras = extraResources(nodes).map((name) => short.get(name) as string);
    const taints = nodes.some((node) => node.taints?.length) ? ["taints"] : [];
    return ["name", "state", "cpu", "memory", "pods", ...extras, ...texts, ...taints, "age", "kubelet-version"];
}

const NAME: Column = {
    key: "name",
    title: "node",
    group: "node",
    kind: "name",
    value: (row) => row.name,
    text: (row) => (isSum(row) ? row.name : harmless(row.name)),
    raw: (row) => row.name,
    rawTitle: "name",
};

/** Sorting brings trouble together: NotReady, then the rest by its words. */
const STATE: Column = {
    key: "state",
    title: "state",
    group: "node",
    kind: "state",
    value: (row) => (isSum(row) ? null : states(row).join(",")),
    text: (row) => stateText(row),
    hover: (row) => (isSum(row) ? `${count(row.members.filter(inTrouble).length, "node")} not quite well` : ""),
    raw: (row) => (isSum(row) ? null : states(row).join(",")),
    rawTitle: "state",
};

function stateText(row: Row): string {
    if (!isSum(row)) return states(row).map(harmless).join(", ");
    return `${grouped(row.members.filter((node) => node.ready === true).length)}/${grouped(row.members.length)} ready`;
}

function textColumn(field: TextField): Column {
    const value = (row: Row) => (isSum(row) ? null : textOf(row, field));
    return {
        key: field,
        title: TITLES[field] ?? field,
        group: "node",
        kind: "text",
        value,
        text: (row) => (isSum(row) ? "" : harmless(value(row) ?? ABSENT)),
        raw: value,
        rawTitle: field,
    };
}

function listColumn(key: string, title: string, list: (node: Node) => string[] | null): Column {
    const value = (row: Row) => (isSum(row) ? null : (list(row)?.join(", ") ?? null));
    const text = (row: Row) => (isSum(row) ? "" : harmless(value(row) ?? UNKNOWN) || ABSENT);
    return { key, title, group: "node", kind: "text", value, text, hover: text, raw: value, rawTitle: key };
}

function ageColumn(takenAt: number): Column {
    const value = (row: Row) => {
        const born = bornAt(row);
        return born === null ? null : takenAt - born;
    };
    const said = (ms: number | null) => (ms === null ? UNKNOWN : age(ms));
    return {
        key: "age",
        title: "age",
        group: "node",
        kind: "number",
        value,
        text: (row) => (isSum(row) ? "" : said(value(row))),
        hover: (row) => (row.created_at === null ? "" : `created ${harmless(row.created_at)}`),
        raw: (row) => row.created_at,
        rawTitle: "created_at",
    };
}

const PODS: Column = {
    key: "pods",
    title: "pods",
    group: "pods",
    kind: "pods",
    value: (row) => row.pods.counted,
    text: (row) => `${numberText(row.pods.counted)} / ${numberText(row.pods.allocatable)}`,
    hover: (row) =>
        `${numberText(row.pods.counted)} count: ${numberText(row.pods.pending)} of them pending, ${numberText(row.pods.terminating)} ` +
        `terminating; ${numberText(row.pods.terminal)} terminal beside; room for ${numberText(row.pods.allocatable)}`,
    raw: (row) => row.pods.counted,
    rawTitle: "pods",
};

function podColumn(name: "pending" | "terminating" | "terminal" | "allocatable"): Column {
    const value = (row: Row) => row.pods[name];
    return {
        key: `pods-${name}`,
        title: `pods ${name}`,
        group: "pods",
        kind: "number",
        value,
        text: (row) => numberText(value(row)),
        raw: value,
        rawTitle: `pods-${name}`,
    };
}

function resourceColumns(resource: string, short: string): Column[] {
    return [barColumn(resource, short), ...AMOUNTS.map((part) => amountColumn(resource, short, part))];
}

/** Sorts by the share of allocatable that is requested; a CSV has the amounts in columns of their own. */
function barColumn(resource: string, short: string): Column {
    return {
        key: short,
        title: harmless(short),
        group: resource,
        kind: "bar",
        resource,
        value: (row) => fullness(row, resource),
        text: (row) => amount(resource, figure(row, resource, "requests")),
        raw: (row) => figure(row, resource, "requests"),
        rawTitle: title(`${short}-requests`, resource),
    };
}

const title = (key: string, resource: string): string =>
    storedUnit(resource) ? `${key} (${storedUnit(resource)})` : key;

function amountColumn(resource: string, short: string, part: Figure | "headroom"): Column {
    const value = (row: Row) => (part === "headroom" ? headroom(row, resource) : figure(row, resource, part));
    const isNobodys = part === "usage" && !isMeasured(resource);
    return {
        key: `${short}-${part}`,
        title: `${harmless(short)} ${part}${unitOf(resource) ? ` (${unitOf(resource)})` : ""}`,
        group: resource,
        kind: "number",
        resource,
        value,
        text: (row) => (!has(row, resource) ? lacking(row) : isNobodys ? ABSENT : amount(resource, value(row))),
        hover: (row) =>
            isNobodys ? `nobody measures ${harmless(resource)}` : hoverAmount(row, resource, part, value(row)),
        raw: value,
        rawTitle: title(`${short}-${part}`, resource),
    };
}

/** The stored integer; for a sum that is unknown, what its known part comes to. */
function hoverAmount(row: Row, resource: string, part: string, value: number | null): string {
    if (!has(row, resource))
        return lacking(row) === UNKNOWN ? "it has reported nothing" : `it has no ${harmless(resource)}`;
    const partial = isSum(row) ? row.partial.get(`${resource}/${part}`) : undefined;
    if (!partial || !isSum(row)) return exact(resource, value);
    const of = `${grouped(partial.unknown)} of ${count(row.members.length, "node")}`;
    return `unknown for ${of}; the others come to ${exact(resource, partial.known)}`;
}
