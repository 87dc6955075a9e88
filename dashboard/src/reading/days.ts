/** Day indexes in, the snapshots of a moment or a span out. A day that cannot be read is named, the others are used. */
import type { ClusterIndex, Entry } from "../types/derived";
import { dayKey } from "./keys";
import type { Library } from "./library";
import { asProblem, Problem } from "./problem";

const DOCUMENTS_AT_ONCE = 6; // what a browser opens to one HTTP/1.1 host
const SPAN_BUDGET_BYTES = 16_000_000; // 90 days at four passes an hour are 5 MB; at one a minute, 60 MB

export interface Span {
    entries: Entry[];
    /** All that the days hold that were read for it, also before and after it. */
    slots: string[];
    problems: Problem[];
    documents: number;
    bytes: number;
    /** Days inside the span that were left out, because the budget was spent. */
    unread: string[];
}

const dateOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

/** The days of an index that a span touches; newest first. */
export function daysBetween(days: readonly string[], from: number, to: number): string[] {
    const [first, last] = [dateOf(from), dateOf(to)];
    return days.filter((day) => day >= first && day <= last).reverse();
}

/** All entries from `from` to `to`, newest days first until the budget is spent; the documents read are counted. */
export async function readSpan(
    library: Library,
    index: Pick<ClusterIndex, "cluster" | "days">,
    from: number,
    to: number,
    budget = SPAN_BUDGET_BYTES,
): Promise<Span> {
    const days = daysBetween(index.days, from, to);
    const span: Span = { entries: [], slots: [], problems: [], documents: 0, bytes: 0, unread: [] };
    const read: Entry[][] = [];
    for (let at = 0; at < days.length; at += DOCUMENTS_AT_ONCE) {
        const batch = days.slice(at, at + DOCUMENTS_AT_ONCE);
        if (span.bytes > budget) {
            span.unread.push(...batch);
            continue;
        }
        await Promise.all(
            batch.map(async (day) => {
                try {
                    const { value, bytes } = await library.day(index.cluster, day);
                    read.push(value.snapshots);
                    span.bytes += bytes;
                } catch (error) {
                    span.problems.push(asProblem(error, dayKey(index.cluster, day)));
                }
                span.documents += 1;
            }),
        );
    }
    const [first, last] = [isoOf(from), isoOf(to)];
    const all = read.flat().sort((a, b) => (a.slot < b.slot ? -1 : 1));
    span.slots = all.map((entry) => entry.slot);
    span.entries = all.filter((entry) => entry.slot >= first && entry.slot <= last);
    return span;
}

/** A time in milliseconds as a slot. */
export const isoOf = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;

export interface Found {
    entry: Entry;
    /** Days nearer to the moment that could not be read: the snapshot may not be the nearest. */
    problems: Problem[];
}

/** The newest snapshot at or before a moment. */
export async function entryAt(
    library: Library,
    index: Pick<ClusterIndex, "cluster" | "days">,
    at: string,
): Promise<Found> {
    const problems: Problem[] = [];
    for (const day of index.days.filter((each) => each <= at.slice(0, 10)).reverse()) {
        try {
            const { value } = await library.day(index.cluster, day);
            const entry = value.snapshots.findLast((each) => each.slot <= at);
            if (entry) return { entry, problems };
        } catch (error) {
            problems.push(asProblem(error, dayKey(index.cluster, day)));
        }
    }
    throw problems[0] ?? new Problem("nothing-then", "", "no snapshot at or before this moment");
}

/** The snapshot next to a slot, before (-1) or after (+1) it; null at an end. */
export async function neighbour(
    library: Library,
    index: Pick<ClusterIndex, "cluster" | "days">,
    slot: string,
    step: -1 | 1,
): Promise<Entry | null> {
    const date = slot.slice(0, 10);
    const days = step < 0 ? index.days.filter((day) => day <= date).reverse() : index.days.filter((day) => day >= date);
    for (const day of days) {
        const read = await library.day(index.cluster, day).catch(() => null);
        const entries = read?.value.snapshots ?? [];
        const found =
            step < 0 ? entries.findLast((each) => each.slot < slot) : entries.find((each) => each.slot > slot);
        if (found) return found;
    }
    return null;
}
