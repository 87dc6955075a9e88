/** Numbers of a chart's axes in, their short texts out. Pure. */
import { grouped } from "./text";
import { partsOf, shortDate, type Zone } from "./times";

/** The clock within a day, the date at its start and for steps of a day and more. */
export function axisTime(ms: number, stepSeconds: number, zone: Zone): string {
    const at = partsOf(ms, zone);
    const isStart = at.hour === 0 && at.minute === 0 && at.second === 0;
    if (stepSeconds >= 86_400 || isStart) return shortDate(ms, zone).slice(4);
    return `${String(at.hour).padStart(2, "0")}:${String(at.minute).padStart(2, "0")}`;
}

/** Where marks of an axis go: at the hours and midnights of the zone, wherever the reader is. uPlot reads local parts. */
export function axisDate(seconds: number, zone: Zone): Date {
    const date = new Date(seconds * 1000);
    return zone === "local" ? date : new Date(date.getTime() + date.getTimezoneOffset() * 60_000);
}

/** 12,000 → 12k, so that all axes are equally wide. */
export function axisNumber(value: number): string {
    for (const [unit, sign] of [
        [1e9, "G"],
        [1e6, "M"],
        [1e4, "k"],
    ] as const) {
        if (Math.abs(value) >= unit) return `${+(value / (sign === "k" ? 1e3 : unit)).toFixed(1)}${sign}`;
    }
    return value >= 1000 ? grouped(value) : String(+value.toFixed(2));
}
