/** Published integers in, amounts as people read them out: cores, GiB, counts, percent. Pure; null is unknown. */
import { ABSENT, grouped, UNKNOWN } from "./text";

const GIB = 2 ** 30;
const BYTE_RESOURCES = new Set(["memory", "ephemeral-storage", "storage"]);

const isBytes = (resource: string): boolean => BYTE_RESOURCES.has(resource) || resource.startsWith("hugepages-");

/** cpu and memory first, the others by name. */
export function byResource(a: string, b: string): number {
    const rank = (name: string) => (name === "cpu" ? 0 : name === "memory" ? 1 : 2);
    return rank(a) - rank(b) || (a < b ? -1 : 1);
}

/** The unit that amounts are shown in: cores, GiB, or none for a count. */
export const unitOf = (resource: string): string => (resource === "cpu" ? "cores" : isBytes(resource) ? "GiB" : "");

/** The unit that the snapshot counts in. */
export const storedUnit = (resource: string): string =>
    resource === "cpu" ? "millicores" : isBytes(resource) ? "bytes" : "";

/** A stored integer in the unit that it is shown in. */
export const scaled = (resource: string, value: number): number =>
    resource === "cpu" ? value / 1000 : isBytes(resource) ? value / GIB : value;

/** The amount without its unit, so that columns align: "12.4", "<0.1", "1,204". */
export function amount(resource: string, value: number | null): string {
    if (value === null) return UNKNOWN;
    return unitOf(resource) ? decimal(scaled(resource, value)) : grouped(value);
}

/** One decimal, none from 1,000 up; what is not 0 is never written as 0. */
export function decimal(value: number): string {
    if (value !== 0 && Math.abs(value) < 0.05) return value > 0 ? "<0.1" : ">−0.1";
    const digits = Math.abs(value) < 999.95 ? 1 : 0;
    const said = (digits ? TENTHS : WHOLE).format(value);
    return said.replace("-", "−");
}

const [TENTHS, WHOLE] = [1, 0].map(
    (digits) => new Intl.NumberFormat("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits }),
) as [Intl.NumberFormat, Intl.NumberFormat];

export const withUnit = (resource: string, value: number | null): string =>
    `${amount(resource, value)} ${unitOf(resource)}`.trimEnd();

/**
 * The integer as it is stored, with its unit. Beyond 2^53 a browser's numbers are rounded, and the text says so.
 */
export function exact(resource: string, value: number | null): string {
    if (value === null) return "unknown";
    const about = Number.isSafeInteger(value) ? "" : "about ";
    return `${about}${grouped(value).replace("-", "−")} ${storedUnit(resource)}`.trimEnd();
}

/** A difference with its sign and unit; "unknown" where a side is. */
export function signed(resource: string, value: number | null): string {
    if (value === null) return "unknown";
    const sign = value > 0 ? "+" : value < 0 ? "−" : "";
    return sign + (value === 0 ? "0" : withUnit(resource, Math.abs(value)));
}

/** How much of the whole, in whole percent: cut down below 100, up above it. 0 % and 100 % mean exactly that. */
export function percentage(part: number | null, whole: number | null): string {
    if (part === null || whole === null) return UNKNOWN;
    if (whole <= 0) return part > 0 ? OVER_NOTHING : ABSENT;
    if (part === whole) return "100%";
    const share = (part * 100) / whole;
    if (part > whole) return `${grouped(Math.max(101, Math.ceil(share)))}%`;
    return part > 0 && share < 1 ? "<1%" : `${Math.min(99, Math.floor(share))}%`;
}

const OVER_NOTHING = "over"; // something of nothing

/** A percentage within a sentence. */
export function inWords(share: string): string {
    const words: Record<string, string> = { [UNKNOWN]: "unknown", [ABSENT]: "none", [OVER_NOTHING]: "over 100%" };
    return words[share] ?? share;
}

/** part / whole as a number to sort and colour by; null where unknown, Infinity where nothing is allocatable. */
export function ratio(part: number | null, whole: number | null): number | null {
    if (part === null || whole === null) return null;
    if (whole <= 0) return part > 0 ? Number.POSITIVE_INFINITY : 0;
    return part / whole;
}

/** The sum of integers; null where one is. */
export function sum(values: Iterable<number | null>): number | null {
    let total = 0;
    for (const value of values) {
        if (value === null) return null;
        total += value;
    }
    return total;
}
