/** A real table of which only the rows in sight are in the document. Knows nothing of what it shows. */
import { Component, type ComponentChildren, createRef } from "preact";
import { useCallback, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Sort } from "../logic/arrange";
import { recycle, windowOf } from "../logic/window";
import { useCursor } from "./cursor";

export interface TableColumn<T> {
    key: string;
    title: string;
    hint?: string;
    width: number;
    numeric?: boolean;
    sortable?: boolean;
    cell: (row: T) => ComponentChildren;
    cellClass?: (row: T) => string;
    hover?: (row: T) => string;
}

interface Props<T> {
    caption: string;
    columns: TableColumn<T>[];
    rows: readonly T[];
    rowKey: (row: T) => string;
    rowClass?: (row: T) => string;
    rowHeight: number;
    sort: Sort | null;
    onSort?: (key: string) => void;
    /** Enter or a click on a row. */
    onOpen?: (row: T) => void;
    /** The key of the row that is open elsewhere. */
    open?: string | null;
    empty: ComponentChildren;
}

export function VirtualTable<T>(props: Props<T>) {
    const { columns, rows, rowHeight } = props;
    const box = useRef<HTMLDivElement>(null);
    const [seen, setSeen] = useState({ top: 0, height: 800 });
    const measure = useCallback(() => {
        const found = box.current;
        if (found) setSeen((old) => next(old, found.scrollTop, found.clientHeight, rowHeight));
    }, [rowHeight]);
    useLayoutEffect(() => {
        measure();
        const observer = new ResizeObserver(measure);
        if (box.current) observer.observe(box.current);
        return () => observer.disconnect();
    }, [measure]);
    const cursor = useCursor(box, props);
    const shown = windowOf(rows.length, rowHeight, seen.top, seen.height);
    const visible = rows.slice(shown.from, shown.to);
    const lines = useRef<Map<string, number>>(new Map());
    lines.current = recycle(lines.current, visible.map(props.rowKey));
    const latest = useRef(props);
    latest.current = props;
    const width = columns.reduce((sum, column) => sum + column.width, 0);
    return (
        <div
            class="table-box"
            ref={box}
            onScroll={measure}
            // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reachable by keyboard
            tabIndex={0}
            role="region"
            aria-label={`${props.caption}: rows`}
        >
            <table
                class="grid"
                style={{ width: `${width}px`, minWidth: "100%" }}
                aria-rowcount={rows.length + 1}
                onMouseDown={cursor.onPointer}
            >
                <caption class="unseen">{props.caption}</caption>
                <colgroup>
                    {columns.map((column) => (
                        <col key={column.key} style={{ width: `${column.width}px` }} />
                    ))}
                    <col />
                </colgroup>
                <thead>
                    <tr aria-rowindex={1}>
                        {columns.map((column, at) => (
                            <Heading
                                key={column.key}
                                column={column}
                                first={at === 0}
                                sort={props.sort}
                                onSort={props.onSort}
                            />
                        ))}
                        <td class="filler" />
                    </tr>
                </thead>
                <tbody>
                    <Spacer rows={shown.from} height={rowHeight} span={columns.length + 1} />
                    {visible.map((row, number) => (
                        <Line
                            key={lines.current.get(props.rowKey(row))}
                            id={props.rowKey(row)}
                            row={row}
                            at={shown.from + number}
                            columns={columns}
                            class={lookOf(props, row, shown.from + number === cursor.at)}
                            stamp={location.hash}
                            open={(each: T) => latest.current.onOpen?.(each)}
                        />
                    ))}
                    <Spacer rows={rows.length - shown.to} height={rowHeight} span={columns.length + 1} />
                </tbody>
            </table>
            {rows.length === 0 && <div class="table-empty">{props.empty}</div>}
        </div>
    );
}

/** Drawn again only when other rows come into sight. */
function next(old: { top: number; height: number }, top: number, height: number, rowHeight: number) {
    const same = Math.floor(old.top / rowHeight / 4) === Math.floor(top / rowHeight / 4) && old.height === height;
    return same ? old : { top, height };
}

function Spacer({ rows, height, span }: { rows: number; height: number; span: number }) {
    if (rows <= 0) return null;
    return (
        // biome-ignore lint/a11y/noAriaHiddenOnFocusable: it holds nothing, and cannot be focused
        <tr class="spacer" aria-hidden="true">
            <td colSpan={span} style={{ height: `${rows * height}px` }} />
        </tr>
    );
}

interface HeadingProps<T> {
    column: TableColumn<T>;
    first: boolean;
    sort: Sort | null;
    onSort?: ((key: string) => void) | undefined;
}

function Heading<T>({ column, first, sort, onSort }: HeadingProps<T>) {
    const mine = sort?.key === column.key ? sort : null;
    const classes = [first && "first", column.numeric && "numeric"].filter(Boolean).join(" ");
    const order = mine ? (mine.down ? "descending" : "ascending") : column.sortable ? "none" : undefined;
    return (
        <th scope="col" class={classes} aria-sort={order} title={column.hint}>
            {column.sortable && onSort ? (
                <button type="button" class="sorter" onClick={() => onSort(column.key)}>
                    <span>{column.title}</span>
                    <i aria-hidden="true">{mine ? (mine.down ? "↓" : "↑") : ""}</i>
                </button>
            ) : (
                column.title
            )}
        </th>
    );
}

function lookOf<T>({ rowClass, rowKey, open }: Props<T>, row: T, isCursor: boolean): string {
    return [rowClass?.(row), isCursor && "cursor", open === rowKey(row) && "open"].filter(Boolean).join(" ");
}

interface LineProps<T> {
    row: T;
    id: string;
    at: number;
    columns: TableColumn<T>[];
    class: string;
    /** The view's address: links in the row are made from it. */
    stamp: string;
    open: (row: T) => void;
}

/** Drawn again only when something of it changes: scrolling by a few rows draws those few. */
class Line<T> extends Component<LineProps<T>> {
    override shouldComponentUpdate(next: LineProps<T>): boolean {
        const { row, at, columns, class: look, stamp } = this.props;
        return (
            row !== next.row ||
            at !== next.at ||
            columns !== next.columns ||
            look !== next.class ||
            stamp !== next.stamp
        );
    }

    /** The focus does not go over to another row that takes this line. */
    override componentDidUpdate(before: LineProps<T>): void {
        const focused = document.activeElement;
        if (before.id !== this.props.id && this.line.current?.contains(focused)) (focused as HTMLElement).blur();
    }

    private readonly line = createRef<HTMLTableRowElement>();

    override render({ row, at, columns, class: look, open }: LineProps<T>) {
        return (
            // By keyboard, the row's name is a link, and Enter is read by useCursor.
            <tr
                ref={this.line}
                class={look}
                data-row={at}
                aria-rowindex={at + 2}
                onClick={(event) => clicked(event, () => open(row))}
            >
                {columns.map((column, number) => cellOf(column, row, number === 0))}
                <td class="filler" />
            </tr>
        );
    }
}

function cellOf<T>(column: TableColumn<T>, row: T, isFirst: boolean) {
    const classes = [isFirst && "first", column.numeric && "numeric", column.cellClass?.(row)];
    const given = { class: classes.filter(Boolean).join(" "), title: column.hover?.(row) || undefined };
    return isFirst ? (
        <th key={column.key} scope="row" {...given}>
            {column.cell(row)}
        </th>
    ) : (
        <td key={column.key} {...given}>
            {column.cell(row)}
        </td>
    );
}

/** A click on a link or a button is theirs; text that is being marked is no click. */
function clicked(event: MouseEvent, act: () => void): void {
    const target = event.target as Element;
    if (target.closest("a, button, input") || getSelection()?.type === "Range") return;
    act();
}
