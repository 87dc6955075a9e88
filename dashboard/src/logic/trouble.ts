/** A cluster's index in, what is wrong with the cluster out, in words, worst first. Pure. */
import type { ClusterIndex, Point, SmallTotals } from "../types/derived";
import { inWords, percentage } from "./amounts";
import { median } from "./series";
import { count } from "./text";
import { age, DAY, takenAt } from "./times";

export interface Trouble {
    /** Worst first: 4 cannot be read, 3 stale, 2 not ready, 1 nearly full or partly unknown. */
    weight: number;
    words: string;
}

const STALE_FACTOR = 3; // passes missed in a row
const STALE_LEAST_MS = 15 * 60_000; // recent points are a quarter of an hour apart, so less cannot be told
const STALE_UNKNOWN_MS = 2 * DAY; // too few points to know a rhythm: a daily pass that is missing
export const FULL_SHARE = 0.9;

function stepsOf(recent: readonly Pick<Point, "slot">[]): number[] {
    const times = recent.map((point) => Date.parse(point.slot));
    return times.slice(1).map((time, at) => time - (times[at] as number));
}

/** How old the newest snapshot may be: by the rhythm of the last day. */
function staleAfter(recent: readonly Pick<Point, "slot">[]): number {
    const steps = stepsOf(recent);
    return steps.length < 2 ? STALE_UNKNOWN_MS : Math.max(STALE_LEAST_MS, STALE_FACTOR * median(steps));
}

/** Why the newest snapshot is too old, or of the future, which is as wrong; null when it is neither. */
export function staleness(index: Pick<ClusterIndex, "last" | "recent">, now: number): string | null {
    const old = now - takenAt(index.last);
    if (old < -STALE_LEAST_MS) return `last snapshot is of ${age(-old)} from now: a clock is wrong`;
    if (old <= staleAfter(index.recent)) return null;
    const steps = stepsOf(index.recent);
    const rhythm = steps.length < 2 ? "" : `; they came every ${spell(median(steps))}`;
    return `last snapshot ${age(old)} ago${rhythm}`;
}

/** A rhythm: "15 min", "1 h". */
const spell = (ms: number): string => (ms % 3_600_000 === 0 ? `${ms / 3_600_000} h` : age(ms));

export function troublesOf(totals: SmallTotals, recent: readonly Point[], stale: string | null): Trouble[] {
    const found: Trouble[] = [];
    if (stale) found.push({ weight: 3, words: stale });
    const { count: all, ready } = totals.nodes;
    if (all !== null && ready !== null && ready < all) {
        found.push({ weight: 2, words: `${count(all - ready, "node")} not ready` });
    }
    for (const name of ["cpu", "memory"]) {
        const { allocatable = null, requests = null } = totals.resources[name] ?? {};
        if (allocatable !== null && requests !== null && requests > allocatable * FULL_SHARE) {
            found.push({
                weight: 1,
                words: `${name} requests ${inWords(percentage(requests, allocatable))} of allocatable`,
            });
        }
        if (totals.resources[name] && (allocatable === null || requests === null)) {
            found.push({ weight: 1, words: `${name} is unknown for a node` });
        }
    }
    if (usageLost(totals, recent)) found.push({ weight: 1, words: "usage is not known for every node" });
    return found.sort((a, b) => b.weight - a.weight);
}

/** Usage that was known within the last day and is not now; a cluster that never had any is not in trouble. */
function usageLost(totals: SmallTotals, recent: readonly Point[]): boolean {
    const isKnown = (each: SmallTotals, name: string) => each.resources[name]?.usage != null;
    return ["cpu", "memory"].some(
        (name) =>
            totals.resources[name] && !isKnown(totals, name) && recent.some((point) => isKnown(point.totals, name)),
    );
}
