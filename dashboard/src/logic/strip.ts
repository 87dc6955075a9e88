/** A day's snapshots in, where their marks and the gaps lie on its strip out. Pure. */
import { gapsIn } from "./series";
import { dateIn, moment, type Zone } from "./times";

export interface Strip {
    /** Each snapshot as a share of the day. */
    marks: { slot: string; at: number }[];
    gaps: [number, number][];
}

/** `slots` reach beyond the day, so that a gap over midnight is seen in both days. */
export function stripOf(slots: readonly string[], [start, end]: [number, number]): Strip {
    const share = (ms: number) => (ms - start) / (end - start);
    const inside = slots.filter((slot) => Date.parse(slot) >= start && Date.parse(slot) < end);
    const gaps = gapsIn(slots.map((slot) => Date.parse(slot) / 1000)).map(([from, to]): [number, number] => [
        Math.max(0, share(from * 1000)),
        Math.min(1, share(to * 1000)),
    ]);
    return {
        marks: inside.map((slot) => ({ slot, at: share(Date.parse(slot)) })),
        gaps: gaps.filter(([from, to]) => from < to),
    };
}

/** Where the clock's hours lie: a day of which summer time takes or gives one has 23 or 25. */
export function hoursOf([start, end]: [number, number], zone: Zone): { hour: number; at: number }[] {
    const date = dateIn(start, zone);
    return [0, 6, 12, 18].map((hour) => {
        const ms = moment(date, `${String(hour).padStart(2, "0")}:00`, zone) ?? start;
        return { hour, at: (ms - start) / (end - start) };
    });
}

/** The mark nearest to a share of the day. */
export function nearestMark(strip: Strip, at: number): string | null {
    let best: { slot: string; at: number } | null = null;
    for (const mark of strip.marks) if (!best || Math.abs(mark.at - at) < Math.abs(best.at - at)) best = mark;
    return best?.slot ?? null;
}
