/** A problem with a document in, what to tell the reader out: what happened, and what to do next. Pure. */

import type { Problem } from "../reading/problem";
import type { Snapshot } from "../types/model";
import { quoted, storeOf } from "./command";
import { capital, harmless } from "./text";

export interface Notice {
    title: string;
    words: string;
    /** What to do, and a command for it where there is one. */
    advice: string;
    command: string | null;
}

/** What a reader must know of where a snapshot's numbers come from; null where they are a pass's own, of one moment. */
export function sourceNotice({
    trigger,
    source,
}: Pick<Snapshot, "trigger" | "source">): Omit<Notice, "command" | "advice"> | null {
    const isFilled = trigger === "backfill";
    if (!isFilled && source.consistent !== false) return null;
    const doubt = `the ${source.kind} could not promise one point in time: pods may be missing or counted twice`;
    const said = [source.consistent === false ? doubt : null, source.reason].filter((each) => each !== null);
    return {
        title: isFilled ? `Filled in afterwards, from ${harmless(source.kind)}` : "Not of one point in time",
        words: harmless(capital(said.join("; "))),
    };
}

/** What a key names, in words. */
export function documentName(key: string): string {
    const day = /\/days\/(\d{4}-\d\d-\d\d)\.json$/.exec(key);
    if (day) return `the index for ${day[1]}`;
    if (key === "clusters.json") return "the list of clusters";
    if (key.endsWith("/index.json")) return "the cluster's index";
    if (key.endsWith("/latest.json.gz")) return "the newest snapshot";
    const snapshot = /(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z\.json\.gz$/.exec(key);
    if (snapshot) return `the snapshot of ${snapshot.slice(1, 4).join("-")} ${snapshot.slice(4, 7).join(":")} UTC`;
    return "a document";
}

export function noticeOf(problem: Problem, address: string): Notice {
    const store = quoted(storeOf(address));
    const what = documentName(problem.key);
    const detail = harmless(problem.detail);
    const repair = {
        advice: "What other documents say is shown. To make it again from the snapshots:",
        command: `nodetally store repair --store ${store}`,
    };
    switch (problem.kind) {
        case "missing":
            return {
                title: `${capital(what)} is not there`,
                words: problem.key ? `${detail}: ${harmless(problem.key)}` : detail,
                ...repair,
            };
        case "damaged":
            return {
                title: `${capital(what)} cannot be read`,
                words: `${detail}: ${harmless(problem.key)}`,
                ...repair,
            };
        case "newer":
            return {
                title: "This page is older than the data",
                words: `${capital(what)} is of ${detail}.`,
                advice: "Publish the page again with the nodetally that writes the snapshots:",
                command: `nodetally dashboard publish --store ${store}`,
            };
        case "refused":
            return {
                title: `${capital(what)} may not be read`,
                words: `${detail}: ${harmless(problem.key)}. A bucket that may not be listed also says so of what is not there.`,
                advice: "Check the bucket's policy for the page's readers, and that a pass has been stored:",
                command: `nodetally status --store ${store}`,
            };
        case "local":
            return {
                title: "A page opened as a file cannot read its store",
                words: `${capital(detail)}.`,
                advice: "Serve the folder on this machine:",
                command: "nodetally dashboard serve --store FOLDER",
            };
        case "nothing-then":
            return {
                title: "No snapshot at or before this moment",
                words: "The store begins later, or snapshots that old have been pruned.",
                advice: "Pick a later moment, or go back to live.",
                command: null,
            };
        case "offline":
            return {
                title: `${capital(what)} could not be fetched`,
                words: detail,
                advice: "The page tries again by itself; what was read before stays on the screen.",
                command: null,
            };
    }
}
