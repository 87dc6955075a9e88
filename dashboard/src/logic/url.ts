/** What the reader sees ↔ the part of the address behind #. Pure; whatever cannot be read is left at its default. */
import { isSlot } from "../reading/keys";
import { FACETS, type Filters, type Sort } from "./arrange";
import { GROUPS, type TextField } from "./nodes";

export const TABS = ["nodes", "heatmap", "namespaces", "changes"] as const;
export type Tab = (typeof TABS)[number];
export const RANGES = ["1h", "6h", "24h", "7d", "30d", "90d"] as const;
export type Range = (typeof RANGES)[number];

export interface View {
    /** null: the fleet. */
    cluster: string | null;
    /** The moment that every part of the page shows, as a slot; null is live. */
    t: string | null;
    tab: Tab;
    q: string;
    sort: Sort | null;
    columns: string[] | null;
    filters: Filters;
    group: TextField | null;
    range: Range;
    /** What of the charts was zoomed into, in seconds; null: the whole range. */
    zoom: [number, number] | null;
    /** A resource that has a chart beside cpu and memory. */
    chart: string | null;
    /** The node in the side panel. */
    node: string | null;
    /** What changes are held against: a duration before the moment, or a slot. */
    versus: string;
    heat: string;
    /** The order of the namespaces, whose columns are not those of nodes. */
    by: Sort | null;
    /** Changes: also those that say little. */
    all: boolean;
    /** Groups of the table that are folded. */
    folded: string[];
}

export const HOME: View = {
    cluster: null,
    t: null,
    tab: "nodes",
    q: "",
    sort: null,
    columns: null,
    filters: {},
    group: null,
    range: "24h",
    zoom: null,
    chart: null,
    node: null,
    versus: "24h",
    heat: "cpu",
    by: null,
    all: false,
    folded: [],
};

/** "#/c/prod?t=…" → a view. */
export function parseView(hash: string): View {
    const [path = "", query = ""] = split(hash.replace(/^#/, ""));
    const found = /^\/c\/([^/]+)\/?$/.exec(path);
    const given = new URLSearchParams(query);
    const one = <T extends string>(key: string, allowed: readonly T[]): T | null =>
        allowed.find((each) => each === given.get(key)) ?? null;
    const t = given.get("t");
    const versus = given.get("vs") ?? "";
    return {
        ...HOME,
        cluster: found ? decoded(found[1] as string) : null,
        t: t && isSlot(t) ? t : null,
        tab: one("tab", TABS) ?? HOME.tab,
        q: given.get("q") ?? "",
        sort: parseSort(given.get("sort")),
        columns: given.get("cols")?.split(",").map(decoded).filter(Boolean) ?? null,
        filters: parseFilters(given),
        group: one("group", GROUPS),
        range: one("range", RANGES) ?? HOME.range,
        zoom: parseZoom(given.get("zoom")),
        chart: given.get("chart"),
        node: given.get("node"),
        versus: /^\d{1,5}[mhd]$/.test(versus) || isSlot(versus) ? versus : HOME.versus,
        heat: given.get("heat") ?? HOME.heat,
        by: parseSort(given.get("by")),
        all: given.get("all") === "1",
        folded: given.get("folded")?.split(",").map(decoded) ?? [],
    };
}

/** A view → "#/c/prod?t=…"; what is at its default is left out. */
export function formatView(view: View): string {
    const path = view.cluster === null ? "#/" : `#/c/${encodeURIComponent(view.cluster)}`;
    const pairs: [string, string | null | undefined][] = [
        ["t", view.t],
        ["tab", view.tab === HOME.tab ? null : view.tab],
        ["q", view.q || null],
        ["sort", formatSort(view.sort)],
        ["cols", view.columns?.map(encodeURIComponent).join(",")],
        ...FACETS.map((facet): [string, string | undefined] => [facet, formatFacet(view.filters[facet])]),
        ["group", view.group],
        ["range", view.range === HOME.range ? null : view.range],
        ["zoom", view.zoom?.join("-")],
        ["chart", view.chart],
        ["node", view.node],
        ["vs", view.versus === HOME.versus ? null : view.versus],
        ["heat", view.heat === HOME.heat ? null : view.heat],
        ["by", formatSort(view.by)],
        ["all", view.all ? "1" : null],
        ["folded", view.folded.length ? view.folded.map(encodeURIComponent).join(",") : null],
    ];
    const said = pairs.filter((pair) => pair[1] != null).map(([key, value]) => `${key}=${plain(value as string)}`);
    return said.length ? `${path}?${said.join("&")}` : path;
}

/** Encoded, but for signs that a fragment may hold and that people like to read. */
const plain = (value: string): string =>
    encodeURIComponent(value).replaceAll("%3A", ":").replaceAll("%2C", ",").replaceAll("%2F", "/");

function split(text: string): [string, string] {
    const at = text.indexOf("?");
    return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

function decoded(text: string): string {
    try {
        return decodeURIComponent(text);
    } catch {
        return text;
    }
}

function parseSort(text: string | null): Sort | null {
    const found = /^(.+):(asc|desc)$/.exec(text ?? "");
    return found ? { key: found[1] as string, down: found[2] === "desc" } : null;
}

const formatSort = (sort: Sort | null): string | null => sort && `${sort.key}:${sort.down ? "desc" : "asc"}`;

function parseZoom(text: string | null): [number, number] | null {
    const found = /^(\d{1,11})-(\d{1,11})$/.exec(text ?? "");
    const span: [number, number] = [Number(found?.[1]), Number(found?.[2])];
    return found && span[0] < span[1] ? span : null;
}

/** "!" stands for nodes that have none; a value that begins so is written with two. */
function parseFilters(given: URLSearchParams): Filters {
    const filters: Filters = {};
    for (const facet of FACETS) {
        const values = given.get(facet)?.split(",").map(decoded);
        if (values) filters[facet] = values.map((value) => (value === "!" ? null : value.replace(/^!!/, "!")));
    }
    return filters;
}

function formatFacet(values: (string | null)[] | undefined): string | undefined {
    if (!values?.length) return undefined;
    return values.map((value) => (value === null ? "!" : encodeURIComponent(value.replace(/^!/, "!!")))).join(",");
}
