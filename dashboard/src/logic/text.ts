/** Strings in, strings that cannot mislead out. Pure. */

export const UNKNOWN = "?"; // a figure that the snapshot does not know; never 0
export const ABSENT = "–"; // a thing that is not there, such as a GPU on a node without one

const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu;

/** The text with all that could turn writing round or hide in it spelled out, as the command line does. */
export function harmless(text: string): string {
    return text.replace(INVISIBLE, (sign) => {
        const code = sign.codePointAt(0) ?? 0;
        if (code < 0x100) return `\\x${code.toString(16).padStart(2, "0")}`;
        return code < 0x10000 ? `\\u${code.toString(16).padStart(4, "0")}` : `\\U${code.toString(16).padStart(8, "0")}`;
    });
}

/** A number of things: "1 node", "1,200 pods". */
export const count = (value: number, noun: string): string => `${grouped(value)} ${noun}${value === 1 ? "" : "s"}`;

/** Digits in groups of three, whatever the browser's language: the page is in English. */
export const grouped = (value: number): string => GROUPED.format(value);

/** A number of nodes or pods that may be unknown. */
export const numberText = (value: number | null): string => (value === null ? UNKNOWN : grouped(value));

/** Made once: toLocaleString makes one at every call, which for a table of 5,000 rows takes most of a second. */
const GROUPED = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

/** Whether every word of a query is somewhere in a text of small letters. */
export function finder(query: string): (text: string) => boolean {
    const words = query.toLowerCase().split(/\s+/).filter(Boolean);
    return (text) => words.every((word) => text.includes(word));
}

export const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** Bytes in the unit that makes a short number of them. */
export function size(bytes: number): string {
    const units = ["B", "KB", "MB", "GB"];
    let value = bytes;
    while (value >= 1000 && units.length > 1) {
        value /= 1000;
        units.shift();
    }
    return units[0] === "B" ? `${bytes} B` : `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[0]}`;
}
