/** The columns of logic/columns as cells of a table: names as links, bars as bars, the rest as text. */

import { unitOf } from "../logic/amounts";
import { absoluteBare } from "../logic/bar";
import type { Column, Row } from "../logic/columns";
import { nameParts, sharedDomain } from "../logic/names";
import { figure, has, isSum, lacking, type Sum, states } from "../logic/nodes";
import { grouped, harmless } from "../logic/text";
import { formatView, parseView } from "../logic/url";
import type { Node, Snapshot } from "../types/model";
import { Bar } from "./Bar";
import type { TableColumn } from "./VirtualTable";

const SIGN_WIDTH = 7.3; // of a tabular figure at 13 px, with some to spare
const LEAST: Record<Column["kind"], number> = { name: 130, state: 96, text: 70, number: 74, bar: 150, pods: 84 };
const MOST: Record<Column["kind"], number> = { name: 330, state: 220, text: 210, number: 190, bar: 330, pods: 160 };
const WIDE = 1.15; // letters are wider than figures, and nobody wants the middle of a name cut
const BAR_ALONE = 166; // the drawing, its percentage and the gaps

export interface Look {
    phone: boolean;
    /** Whether there are rows that are sums: their amounts are longer than those of a node. */
    sums: boolean;
    folded: readonly string[];
    fold: (group: string) => void;
}

export function tableColumns(columns: readonly Column[], snapshot: Snapshot, look: Look): TableColumn<Row>[] {
    const { reason } = snapshot.usage;
    const domain = sharedDomain(snapshot.nodes.map((node) => node.name));
    return columns.map((column) => {
        const signs = column.kind === "bar" ? signsOf(column.resource as string, snapshot, look.sums) : 0;
        const width = widthOf(column, snapshot, signs, domain, look.sums);
        return {
            key: column.key,
            title:
                column.kind === "bar" && unitOf(column.resource ?? "") && !look.phone
                    ? `${column.title} (${unitOf(column.resource ?? "")})`
                    : column.title,
            hint: hintOf(column, domain),
            width: look.phone ? (PHONE[column.kind] ?? width) : width,
            numeric: column.kind === "number" || column.kind === "pods",
            sortable: true,
            cell: (row) => cellOf(column, row, { reason, look, signs, domain }),
            cellClass: (row) => classOf(column, row),
            hover: column.kind === "bar" ? undefined : (column.hover ?? column.text),
        };
    });
}

function hintOf(column: Column, domain: string): string | undefined {
    if (column.kind === "bar") return "Sorted by requests as a share of allocatable";
    return column.kind === "name" && domain ? `Every name ends in ${harmless(domain)}` : undefined;
}

/** How long the longest "12.4 / 15.9" is. */
function signsOf(resource: string, snapshot: Snapshot, sums: boolean): number {
    const most = (part: "requests" | "allocatable") => {
        const size = (row: Node | Snapshot["totals"]) => Math.abs(figure(row, resource, part) ?? 0);
        const found = once(snapshot, `${resource}/${part}`, () =>
            snapshot.nodes.reduce((top, node) => Math.max(top, size(node)), 0),
        );
        return sums ? Math.max(found, size(snapshot.totals)) : found;
    };
    return absoluteBare(resource, most("requests"), most("allocatable")).length;
}

const PHONE: Partial<Record<Column["kind"], number>> = { name: 116, bar: 90, state: 74 };

/** As wide as its longest text, within reason: a width that depended on the rows in sight would jump. */
function widthOf(column: Column, snapshot: Snapshot, signs: number, domain: string, sums: boolean): number {
    let longest = column.title.length + 2;
    if (column.kind === "bar")
        return Math.max(
            LEAST.bar,
            Math.min(
                MOST.bar,
                (unitOf(column.resource ?? "") ? BAR_ALONE : BAR_ALONE - 46) + Math.round(signs * SIGN_WIDTH),
            ),
        );
    longest = Math.max(longest, longestText(column, snapshot));
    if (column.kind === "pods" && sums) longest = Math.max(longest, longestPods(snapshot));
    if (column.kind === "name") longest = (longest - domain.length) * WIDE;
    return Math.max(LEAST[column.kind], Math.min(MOST[column.kind], Math.round(longest * SIGN_WIDTH) + 20));
}

const measured = new WeakMap<Snapshot, Map<string, number>>();

/** Looked for once a snapshot: going through 5,000 nodes for a dozen columns is a tenth of a second. */
function once(snapshot: Snapshot, what: string, look: () => number): number {
    const known = measured.get(snapshot) ?? new Map<string, number>();
    measured.set(snapshot, known);
    const found = known.get(what) ?? look();
    known.set(what, found);
    return found;
}

/** Of nodes with the same word one speaks for all: pools, zones and types are few. */
const longestText = (column: Column, snapshot: Snapshot): number =>
    once(snapshot, column.key, () => {
        const { nodes } = snapshot;
        const some = column.kind === "text" ? new Map(nodes.map((node) => [column.value(node), node])).values() : nodes;
        let longest = 0;
        for (const node of some) longest = Math.max(longest, column.text(node).length);
        return longest;
    });

/** No sum of some nodes' pods is longer than that of all that are known. */
const longestPods = (snapshot: Snapshot): number =>
    once(snapshot, "pods of sums", () => {
        const known = (name: "counted" | "allocatable") =>
            snapshot.nodes.reduce((total, { pods }) => total + (pods[name] ?? 0), 0);
        return `${grouped(known("counted"))} / ${grouped(known("allocatable"))}`.length;
    });

function classOf(column: Column, row: Row): string {
    if (column.kind !== "state" || isSum(row)) return `c-${column.kind}`;
    return states(row)[0] === "NotReady" ? "c-state bad" : states(row).length > 1 ? "c-state worry" : "c-state";
}

interface Given {
    reason: string | null;
    look: Look;
    signs: number;
    domain: string;
}

function cellOf(column: Column, row: Row, { reason, look, signs, domain }: Given) {
    if (column.kind === "bar" && column.resource) {
        if (!has(row, column.resource)) return <span class="quiet">{lacking(row)}</span>;
        const of = (part: "allocatable" | "requests" | "limits" | "usage") =>
            figure(row, column.resource as string, part);
        const figures = {
            allocatable: of("allocatable"),
            requests: of("requests"),
            limits: of("limits"),
            usage: of("usage"),
        };
        return (
            <Bar resource={column.resource} figures={figures} reason={reason} name={column.title} signs={signs} bare />
        );
    }
    if (column.kind === "state" && look.phone && !isSum(row)) return shortState(row);
    if (column.kind !== "name") return column.text(row);
    if (isSum(row)) return <Group row={row} look={look} />;
    return <NodeLink name={row.name} domain={domain} />;
}

/** Of a node that is ready but, what comes after "Ready": there is no room for more, and it is the news. */
const shortState = (row: Node): string => harmless(states(row)[row.ready ? 1 : 0] ?? "Ready");

/** Its name is whole in the document, to be searched and copied; where there is no room, its middle gives way. */
export function NodeLink({ name, domain }: { name: string; domain: string }) {
    const { head, tail } = nameParts(name, domain);
    const said = harmless(name); // the parts alone would be read out with gaps between them
    return (
        <a href={formatView({ ...parseView(location.hash), node: name })} title={said} aria-label={said}>
            <span class="name-head">{harmless(head)}</span>
            {harmless(tail)}
            {domain && <span class="name-domain">{harmless(domain)}</span>}
        </a>
    );
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
