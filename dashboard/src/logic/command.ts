/** A view in, the nodetally command that shows the same out; texts are quoted for a POSIX shell. Pure. */
import type { Filters } from "./arrange";
import type { View } from "./url";

const SELECTABLE = ["pool", "zone", "instance-type", "capacity-type"] as const;
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

/** `nodetally show …` for the nodes, `nodetally diff …` for the changes. */
export function commandOf(view: View, store: string): string {
    const words = ["nodetally", view.tab === "changes" ? "diff" : "show", "--store", store];
    if (view.cluster !== null) words.push("--cluster", view.cluster);
    if (view.tab === "changes") words.push(view.versus, ...(view.t ? [view.t] : []));
    else {
        if (view.t) words.push("--at", view.t);
        if (view.sort) words.push("--sort", `${view.sort.key}:${view.sort.down ? "desc" : "asc"}`);
        const selector = selectorOf(view.filters);
        if (selector) words.push("--selector", selector);
        if (view.group) words.push("--group-by", view.group);
    }
    return words.map(quoted).join(" ");
}

/** A label selector for the facets that the command line can select on; others are left out. */
function selectorOf(filters: Filters): string {
    return SELECTABLE.flatMap((facet) => {
        const values = filters[facet] ?? [];
        if (values.length === 1 && values[0] === null) return [`!${facet}`];
        const named = values.filter((value) => value !== null);
        if (!values.length || named.length !== values.length || !named.every((value) => SELECTOR_VALUE.test(value)))
            return [];
        return [named.length === 1 ? `${facet}=${named[0]}` : `${facet} in (${named.join(",")})`];
    }).join(",");
}
