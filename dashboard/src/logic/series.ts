/** Entries of day indexes in, columns for a chart out: gaps stay gaps, unknown stays unknown. Pure. */
import type { Point, SmallTotals } from "../types/derived";
import { scaled } from "./amounts";
import { isMeasured } from "./bar";
import { figure, has, lacking } from "./nodes";
import { ABSENT } from "./text";

/** One line of a chart, in the unit that it is shown in; null is unknown, or a gap. */
export interface Line {
    name: string;
    values: (number | null)[];
}

export interface Series {
    /** Seconds since 1970; a gap has a point of its own in its middle, where every line is null. */
    times: number[];
    lines: Line[];
    gaps: [number, number][];
}

const GAP_FACTOR = 2.5; // two passes missing in a row; one alone may only be late
const NEIGHBOURS = 5; // distances on each side that say what is usual here

/**
 * Where the distance between two snapshots is far beyond what is usual around it. The usual is local: a schedule may
 * have changed from hourly to one a minute.
 */
export function gapsIn(times: readonly number[]): [number, number][] {
    const steps = times.slice(1).map((time, at) => time - (times[at] as number));
    const gaps: [number, number][] = [];
    for (const [at, step] of steps.entries()) {
        const [before, after] = [
            steps.slice(Math.max(0, at - NEIGHBOURS), at),
            steps.slice(at + 1, at + 1 + NEIGHBOURS),
        ];
        const usual = Math.max(median(before), median(after)); // the last of a slower rhythm is no gap
        if (before.length + after.length > 1 && step > GAP_FACTOR * usual) {
            gaps.push([times[at] as number, times[at + 1] as number]);
        }
    }
    return gaps;
}

export function median(values: readonly number[]): number {
    const sorted = [...values].sort((a, b) => a - b);
    return sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
}

export const RESOURCE_LINES = ["allocatable", "limits", "requests", "usage"] as const; // drawn in this order: the last on top

export type Subject = { kind: "resource"; name: string } | { kind: "pods" } | { kind: "nodes" };

/** The lines of one chart. `slots` reach beyond the points, so that a rhythm at the edge is known for what it is. */
export function seriesOf(points: readonly Point[], subject: Subject, slots?: readonly string[]): Series {
    const times = points.map((point) => Date.parse(point.slot) / 1000);
    const gaps = slots ? gapsWithin(slots, times) : gapsIn(times);
    const isThere = subject.kind === "resource" && points.some(({ totals }) => has(totals, subject.name));
    const lines = linesOf(subject, isThere).map(([name, value]) => ({
        name,
        values: points.map((point) => value(point.totals)),
    }));
    return withGaps({ times, lines, gaps });
}

/** What nodes that have none of a resource come to: a pool may be scaled to 0. Usage of nodes that are there is measured. */
const lacked = (totals: SmallTotals, line: string): number | null =>
    totals.nodes.count === 0 || (line !== "usage" && lacking(totals) === ABSENT) ? 0 : null;

function gapsWithin(slots: readonly string[], times: readonly number[]): [number, number][] {
    const [first, last] = [times[0], times.at(-1)];
    if (first === undefined || last === undefined) return [];
    const all = gapsIn(slots.map((slot) => Date.parse(slot) / 1000));
    return all.filter(([from, to]) => from < last && to >= first);
}

/** `isThere`: some of the points have the resource; those of the others' nodes that have none come to 0. */
function linesOf(subject: Subject, isThere: boolean): [string, (totals: SmallTotals) => number | null][] {
    if (subject.kind === "pods") return [["pods", (totals) => totals.pods.counted]];
    if (subject.kind === "nodes") {
        return [
            ["all", (totals) => totals.nodes.count],
            ["ready", (totals) => totals.nodes.ready],
            ["schedulable", (totals) => totals.nodes.schedulable],
        ];
    }
    const { name } = subject;
    return RESOURCE_LINES.filter((line) => line !== "usage" || isMeasured(name)).map((line) => [
        line,
        (totals) => {
            const value = isThere && !has(totals, name) ? lacked(totals, line) : figure(totals, name, line);
            return value === null ? null : scaled(name, value);
        },
    ]);
}

/** With a hole in the middle of each gap, so that no line crosses it. */
export function withGaps({ times, lines, gaps }: Series): Series {
    if (!gaps.length) return { times, lines, gaps };
    const opens = new Set(gaps.map(([from]) => from));
    const made: Series = { times: [], lines: lines.map(({ name }) => ({ name, values: [] })), gaps };
    for (const [at, time] of times.entries()) {
        made.times.push(time);
        for (const [number, line] of lines.entries()) made.lines[number]?.values.push(line.values[at] ?? null);
        if (opens.has(time)) {
            made.times.push((time + (times[at + 1] as number)) / 2);
            for (const line of made.lines) line.values.push(null);
        }
    }
    return made;
}

/** What of a series lies in a span of seconds. */
export function inside({ times, lines, gaps }: Series, [from, to]: readonly [number, number]): Series {
    const first = times.findIndex((time) => time >= from);
    const start = first < 0 ? times.length : first;
    const end = times.findLastIndex((time) => time <= to) + 1;
    return {
        times: times.slice(start, end),
        lines: lines.map(({ name, values }) => ({ name, values: values.slice(start, end) })),
        gaps: gaps.filter(([opens, closes]) => opens < to && closes > from),
    };
}

/** Where a value has no neighbour that is known: no line reaches it, so it is a point of its own. */
export const alone = (values: readonly (number | null | undefined)[]): number[] =>
    values.flatMap((value, at) => (value != null && values[at - 1] == null && values[at + 1] == null ? at : []));

/** Smallest, largest and last known value of a line: its summary in words. */
export function extent(line: Line): { least: number; most: number; last: number | null } | null {
    const known = line.values.filter((value) => value !== null);
    if (!known.length) return null;
    let [least, most] = [known[0] as number, known[0] as number];
    for (const value of known) {
        if (value < least) least = value;
        if (value > most) most = value;
    }
    return { least, most, last: line.values.at(-1) ?? null };
}

/** The point nearest to a moment, within a tolerance; null when there is none. */
export function nearest<T extends { slot: string }>(points: readonly T[], at: number, tolerance: number): T | null {
    let best: T | null = null;
    let distance = tolerance;
    for (const point of points) {
        const away = Math.abs(Date.parse(point.slot) - at);
        if (away <= distance) [best, distance] = [point, away];
    }
    return best;
}
