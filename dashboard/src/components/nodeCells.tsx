/** The columns of logic/columns as cells of a table: names as links, bars as bars, the rest as text. */

import { unitOf } from "../logic/amounts";
import type { Column, Row } from "../logic/columns";
import { figure, has, isSum, type Sum, states } from "../logic/nodes";
import { ABSENT, grouped, harmless } from "../logic/text";
import { formatView, parseView } from "../logic/url";
import type { Snapshot } from "../types/model";
import { Bar } from "./Bar";
import type { TableColumn } from "./VirtualTable";

const SIGN_WIDTH = 7.3; // of a tabular figure at 13 px, with some to spare
const LEAST: Record<Column["kind"], number> = { name: 180, state: 96, text: 70, number: 74, bar: 250, pods: 84 };
const MOST: Record<Column["kind"], number> = { name: 330, state: 220, text: 210, number: 190, bar: 250, pods: 130 };

export interface Look {
    phone: boolean;
    folded: readonly string[];
    fold: (group: string) => void;
}

export function tableColumns(columns: readonly Column[], snapshot: Snapshot, look: Look): TableColumn<Row>[] {
    const { reason } = snapshot.usage;
    return columns.map((column) => ({
        key: column.key,
        title:
            column.kind === "bar" && unitOf(column.resource ?? "")
                ? `${column.title} (${unitOf(column.resource ?? "")})`
                : column.title,
        hint: column.kind === "bar" ? "Sorted by requests as a share of allocatable" : undefined,
        width: look.phone ? (PHONE[column.kind] ?? widthOf(column, snapshot)) : widthOf(column, snapshot),
        numeric: column.kind === "number" || column.kind === "pods",
        sortable: true,
        cell: (row) => cellOf(column, row, reason, look),
        cellClass: (row) => classOf(column, row),
        hover: column.kind === "bar" ? undefined : (column.hover ?? column.text),
    }));
}

const PHONE: Partial<Record<Column["kind"], number>> = { name: 124, bar: 92, state: 110 };

/** As wide as its longest text, within reason: a width that depended on the rows in sight would jump. */
function widthOf(column: Column, snapshot: Snapshot): number {
    let longest = column.title.length + 2;
    if (column.kind !== "bar") for (const node of snapshot.nodes) longest = Math.max(longest, column.text(node).length);
    return Math.max(LEAST[column.kind], Math.min(MOST[column.kind], Math.round(longest * SIGN_WIDTH) + 20));
}

function classOf(column: Column, row: Row): string {
    if (column.kind !== "state" || isSum(row)) return `c-${column.kind}`;
    return states(row)[0] === "NotReady" ? "c-state bad" : states(row).length > 1 ? "c-state worry" : "c-state";
}

function cellOf(column: Column, row: Row, reason: string | null, look: Look) {
    if (column.kind === "bar" && column.resource) {
        if (!has(row, column.resource)) return <span class="quiet">{ABSENT}</span>;
        const of = (part: "allocatable" | "requests" | "limits" | "usage") =>
            figure(row, column.resource as string, part);
        const figures = {
            allocatable: of("allocatable"),
            requests: of("requests"),
            limits: of("limits"),
            usage: of("usage"),
        };
        return <Bar resource={column.resource} figures={figures} reason={reason} name={column.title} bare />;
    }
    if (column.kind !== "name") return column.text(row);
    if (isSum(row)) return <Group row={row} look={look} />;
    return <a href={formatView({ ...parseView(location.hash), node: row.name })}>{harmless(row.name)}</a>;
}

/** A group's name folds and unfolds it; the sum of what was narrowed down to is only a sum. */
function Group({ row, look }: { row: Sum; look: Look }) {
    if (row.whole) return <b>{row.name}</b>;
    const isFolded = look.folded.includes(row.name);
    return (
        <button type="button" class="folder" aria-expanded={!isFolded} onClick={() => look.fold(row.name)}>
            <i aria-hidden="true">{isFolded ? "▸" : "▾"}</i> {row.name} <small>{grouped(row.members.length)}</small>
        </button>
    );
}
