/** A day's entries in, which snapshots to read for one node out; and what they said, as charts. Pure. */
import type { Node } from "../types/model";
import { scaled } from "./amounts";
import { figure } from "./nodes";
import { gapsIn, RESOURCE_LINES, type Series, withGaps } from "./series";

const DAY_BUDGET_BYTES = 3_000_000; // a few seconds on a phone
export const FREE_BYTES = 600_000; // as much as is read without asking
const MOST_SNAPSHOTS = 49; // half an hour apart: finer than a panel's chart can show

/** Evenly spread over the day, the first and the last among them; as many as the budget allows. */
export function pick<T>(entries: readonly T[], bytesEach: number, budget = DAY_BUDGET_BYTES): T[] {
    const most = Math.max(2, Math.min(MOST_SNAPSHOTS, Math.floor(budget / Math.max(1, bytesEach))));
    if (entries.length <= most) return [...entries];
    const step = (entries.length - 1) / (most - 1);
    return Array.from({ length: most }, (_, at) => entries[Math.round(at * step)] as T);
}

/** The node at one moment; null: it was not there, or that snapshot could not be read. */
export interface Sighting {
    slot: string;
    node: Node | null;
}

export function nodeSeries(sightings: readonly Sighting[], resource: string): Series {
    const times = sightings.map(({ slot }) => Date.parse(slot) / 1000);
    const value = (node: Node | null, line: (typeof RESOURCE_LINES)[number]) => {
        const found = node && figure(node, resource, line);
        return found == null ? null : scaled(resource, found);
    };
    const lines = RESOURCE_LINES.map((name) => ({ name, values: sightings.map(({ node }) => value(node, name)) }));
    return withGaps({ times, lines, gaps: gapsIn(times) });
}
