/** A day's snapshots in, where their marks and the gaps lie on its strip out. Pure. */
import { gapsIn } from "./series";

export interface Strip {
    /** Each snapshot as a share of the day. */
    marks: { slot: string; at: number }[];
    gaps: [number, number][];
}

export function stripOf(slots: readonly string[], [start, end]: [number, number]): Strip {
    const share = (ms: number) => (ms - start) / (end - start);
    const inside = slots.filter((slot) => Date.parse(slot) >= start && Date.parse(slot) < end);
    const seconds = inside.map((slot) => Date.parse(slot) / 1000);
    return {
        marks: inside.map((slot) => ({ slot, at: share(Date.parse(slot)) })),
        gaps: gapsIn(seconds).map(([from, to]) => [share(from * 1000), share(to * 1000)]),
    };
}

/** The mark nearest to a share of the day. */
export function nearestMark(strip: Strip, at: number): string | null {
    let best: { slot: string; at: number } | null = null;
    for (const mark of strip.marks) if (!best || Math.abs(mark.at - at) < Math.abs(best.at - at)) best = mark;
    return best?.slot ?? null;
}
