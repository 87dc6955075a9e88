/** A view in, the nodetally command that shows the same out; texts are quoted for a POSIX shell. Pure. */
import { isoOf } from "../reading/days";
import { FACETS, type Facet, type Filters } from "./arrange";
import { duration } from "./times";
import type { View } from "./url";

const SELECTABLE = ["pool", "zone", "instance-type", "capacity-type"] as const;
const UNSORTABLE = new Set(["taints", "labels", "pods-terminating", "pods-terminal"]); // nodetally show refuses them
const SELECTOR_VALUE = /^[A-Za-z0-9._/-]+$/;

/** The store that the page lies in, where its address tells: S3 names bucket and prefix. */
export function storeOf(address: string): string {
    const url = new URL(address);
    const prefix = decodeURIComponent(url.pathname.replace(/[^/]*$/, "").replace(/^\/|\/$/g, ""));
    const host = /^(.+)\.s3(?:-website)?[.-][a-z0-9.-]*amazonaws\.com$/.exec(url.hostname);
    if (host) return ["s3:/", host[1], prefix].filter(Boolean).join("/");
    return /^s3[.-][a-z0-9.-]*amazonaws\.com$/.test(url.hostname) && prefix ? `s3://${prefix}` : "STORE";
}

export const quoted = (text: string): string =>
    /^[A-Za-z0-9._:/,=@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;

/** `nodetally show …` for the nodes, `nodetally diff …` for the changes; `slot` is that of the shown snapshot. */
export function commandOf(view: View, store: string, slot: string): string {
    const words = ["nodetally", view.tab === "changes" ? "diff" : "show", "--store", store];
    if (view.cluster !== null) words.push("--cluster", view.cluster);
    if (view.tab === "changes") words.push(versusOf(view, slot), ...(view.t ? [view.t] : []));
    else {
        if (view.t) words.push("--at", view.t);
        if (view.sort && !UNSORTABLE.has(view.sort.key))
            words.push("--sort", `${view.sort.key}:${view.sort.down ? "desc" : "asc"}`);
        const selector = selectorOf(view.filters)
            .map(([, text]) => text)
            .join(",");
        if (selector) words.push("--selector", selector);
        if (view.group) words.push("--group-by", view.group);
    }
    return words.map(quoted).join(" ");
}

/** A moment: the command line takes 24h for a day before now, the page for a day before the shown snapshot. */
function versusOf({ versus }: View, slot: string): string {
    const before = duration(versus);
    return before === null ? versus : isoOf(Date.parse(slot) - before);
}

/** What of a view the command leaves out, in words: the command line has nothing like it. */
export function leftOut({ tab, q, filters, sort }: View): string[] {
    const search = q.trim() ? ["the search"] : [];
    if (tab === "changes") return search;
    const selected = selectorOf(filters);
    const lost = FACETS.filter((facet) => filters[facet]?.length && !selected.some(([name]) => name === facet));
    return [
        ...search,
        ...lost.map((facet) => `the filter by ${facet}`),
        ...(sort && UNSORTABLE.has(sort.key) ? [`the order by ${sort.key}`] : []),
    ];
}

/** Label selectors for the facets that the command line can select on, each with its facet. */
function selectorOf(filters: Filters): [Facet, string][] {
    return SELECTABLE.flatMap((facet): [Facet, string][] => {
        const values = filters[facet] ?? [];
        if (values.length === 1 && values[0] === null) return [[facet, `!${facet}`]];
        const named = values.filter((value) => value !== null);
        if (!values.length || named.length !== values.length || !named.every((value) => SELECTOR_VALUE.test(value)))
            return [];
        return [[facet, named.length === 1 ? `${facet}=${named[0]}` : `${facet} in (${named.join(",")})`]];
    });
}
