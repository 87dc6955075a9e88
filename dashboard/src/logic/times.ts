/** Moments in, texts out; and durations of the URL. Pure: the clock and the zone are arguments. */

import { grouped } from "./text";

export type Zone = "local" | "utc";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
const UNITS: Record<string, number> = { m: MINUTE, h: HOUR, d: DAY };
const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const ZONED = new Intl.DateTimeFormat("en-GB", { timeZoneName: "short" });
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** A duration as people say it, cut down to the unit that matters; never negative: "40 s", "3 d". */
export function age(ms: number): string {
    const seconds = Math.max(0, Math.floor(ms / 1000));
    if (seconds < 120) return `${seconds} s`;
    if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
    if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h`;
    return `${grouped(Math.floor(seconds / 86_400))} d`;
}

/** "24h", "90m", "7d" in milliseconds; null for anything else. */
export function duration(text: string): number | null {
    const found = /^(\d{1,5})([mhd])$/.exec(text);
    return found ? Number(found[1]) * (UNITS[found[2] as string] as number) : null;
}

/** When a snapshot was taken; one that does not say answers for its slot. */
export const takenAt = (of: { taken_at: string | null; slot: string }): number => Date.parse(of.taken_at ?? of.slot);

interface Parts {
    year: number;
    month: number;
    day: number;
    weekday: number;
    hour: number;
    minute: number;
    second: number;
}

export function partsOf(ms: number, zone: Zone): Parts {
    const date = new Date(ms);
    if (zone === "local") {
        return {
            year: date.getFullYear(),
            month: date.getMonth(),
            day: date.getDate(),
            weekday: date.getDay(),
            hour: date.getHours(),
            minute: date.getMinutes(),
            second: date.getSeconds(),
        };
    }
    return {
        year: date.getUTCFullYear(),
        month: date.getUTCMonth(),
        day: date.getUTCDate(),
        weekday: date.getUTCDay(),
        hour: date.getUTCHours(),
        minute: date.getUTCMinutes(),
        second: date.getUTCSeconds(),
    };
}

const two = (value: number): string => String(value).padStart(2, "0");

/** "UTC", or the local zone's own short name. */
export function zoneName(ms: number, zone: Zone): string {
    if (zone === "utc") return "UTC";
    return ZONED.formatToParts(ms).find((part) => part.type === "timeZoneName")?.value ?? "local";
}

/** "2026-11-23 12:00:03 UTC": exact, for hover and for copying. */
export function exactTime(ms: number, zone: Zone): string {
    const at = partsOf(ms, zone);
    return `${dateIn(ms, zone)} ${two(at.hour)}:${two(at.minute)}:${two(at.second)} ${zoneName(ms, zone)}`;
}

/** "Mon 23 Nov, 12:00": for reading; with seconds only where there are any. */
export function shortTime(ms: number, zone: Zone): string {
    const at = partsOf(ms, zone);
    return `${shortDate(ms, zone)}, ${two(at.hour)}:${two(at.minute)}${at.second ? `:${two(at.second)}` : ""}`;
}

export function shortDate(ms: number, zone: Zone): string {
    const at = partsOf(ms, zone);
    return `${DAYS[at.weekday]} ${at.day} ${MONTHS[at.month]}`;
}

/** "2026-11-23", as inputs of type date take it. */
export function dateIn(ms: number, zone: Zone): string {
    const at = partsOf(ms, zone);
    return `${at.year}-${two(at.month + 1)}-${two(at.day)}`;
}

/** "12:00:00", as inputs of type time take it. */
export function clockIn(ms: number, zone: Zone): string {
    const at = partsOf(ms, zone);
    return `${two(at.hour)}:${two(at.minute)}:${two(at.second)}`;
}

/** A date and a time of day in a zone as milliseconds; null when they are none. */
export function moment(date: string, clock: string, zone: Zone): number | null {
    const ms = Date.parse(`${date}T${clock.length === 5 ? `${clock}:00` : clock}${zone === "utc" ? "Z" : ""}`);
    return Number.isNaN(ms) ? null : ms;
}

/** The start of the day in a zone, and of the next one. */
export function dayBounds(ms: number, zone: Zone): [number, number] {
    const at = partsOf(ms, zone);
    if (zone === "utc") {
        const start = Date.UTC(at.year, at.month, at.day);
        return [start, start + DAY];
    }
    return [new Date(at.year, at.month, at.day).getTime(), new Date(at.year, at.month, at.day + 1).getTime()];
}
