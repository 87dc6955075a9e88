/** Columns and rows in, CSV out (RFC 4180): stored integers, empty for unknown. Pure. */
import type { Column, Row, Value } from "./columns";

/** What a spreadsheet would take for a formula gets a ' before it, as OWASP advises. */
const FORMULA = /^[=+\-@\t\r]/;

export function csvOf(columns: readonly Column[], rows: readonly Row[]): string {
    const lines = [
        columns.map((column) => cell(column.rawTitle)),
        ...rows.map((row) => columns.map((each) => cell(each.raw(row)))),
    ];
    return lines.map((line) => `${line.join(",")}\r\n`).join("");
}

/** An integer beyond 2^53 was rounded by the browser: it is written as text that says so. */
export function cell(value: Value): string {
    if (value === null) return "";
    if (typeof value === "number") return Number.isSafeInteger(value) ? String(value) : `about ${value.toFixed(0)}`;
    const safe = FORMULA.test(value) ? `'${value}` : value;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
