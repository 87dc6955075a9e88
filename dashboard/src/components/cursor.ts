/** Where the keyboard is in a table of which only some rows are in the document. */
import { useLayoutEffect, useRef, useState } from "preact/hooks";

interface Rows<T> {
    rows: readonly T[];
    rowKey: (row: T) => string;
    rowHeight: number;
    onOpen?: (row: T) => void;
}

const HEAD = 30; // px: the heading that stays, --head in tables.css
const PAGE_ROWS = 20;

/** The row that the keyboard is at: j k and arrows move it, Enter opens it. It follows its row when rows move. */
export function useCursor<T>(box: { current: HTMLDivElement | null }, props: Rows<T>) {
    const [key, setKey] = useState<string | null>(null);
    const { rows, rowKey, rowHeight, onOpen } = props;
    const at = key === null ? -1 : rows.findIndex((row) => rowKey(row) === key);
    const state = useRef({ at, rows, rowKey, rowHeight, onOpen });
    state.current = { at, rows, rowKey, rowHeight, onOpen };
    useLayoutEffect(() => {
        const pressed = (event: KeyboardEvent) => {
            const found = state.current;
            const step = stepOf(event, box.current, found.rows.length);
            if (event.defaultPrevented || !box.current) return;
            if (step !== 0) {
                const to = Math.max(0, Math.min(found.rows.length - 1, found.at + step));
                const row = found.rows[to];
                if (row === undefined) return;
                event.preventDefault();
                setKey(found.rowKey(row));
                reveal(box.current, to, found.rowHeight);
            } else if (event.key === "Enter" && found.at >= 0 && opens(event, box.current)) {
                event.preventDefault();
                found.onOpen?.(found.rows[found.at] as T);
            }
        };
        addEventListener("keydown", pressed);
        return () => removeEventListener("keydown", pressed);
    }, [box]);
    const onPointer = (event: MouseEvent) => {
        const line = (event.target as Element).closest<HTMLElement>("tr[data-row]");
        const row = line && rows[Number(line.dataset.row)];
        if (row) setKey(rowKey(row));
    };
    return { at, onPointer };
}

function stepOf(event: KeyboardEvent, box: HTMLElement | null, rows: number): number {
    const target = event.target as Element;
    if (
        event.ctrlKey ||
        event.metaKey ||
        event.altKey ||
        target.closest("input, textarea, select, [role=dialog], .menu")
    )
        return 0;
    if (event.key === "j") return 1;
    if (event.key === "k") return -1;
    if (!inTable(event, box)) return 0;
    const steps: Record<string, number> = {
        ArrowDown: 1,
        ArrowUp: -1,
        PageDown: PAGE_ROWS,
        PageUp: -PAGE_ROWS,
        Home: -rows,
        End: rows,
    };
    return steps[event.key] ?? 0;
}

/** Arrows scroll the page unless the table, or nothing at all, has the focus. */
function inTable(event: KeyboardEvent, box: HTMLElement | null): boolean {
    const target = event.target as Element;
    return target === document.body || (box?.contains(target) === true && !target.closest("thead"));
}

/** Enter on a link or a button is the link's own. */
const opens = (event: KeyboardEvent, box: HTMLElement | null): boolean =>
    inTable(event, box) && !(event.target as Element).closest("a, button");

function reveal(box: HTMLElement, at: number, rowHeight: number): void {
    const top = at * rowHeight;
    const room = box.clientHeight - HEAD - rowHeight;
    if (top < box.scrollTop) box.scrollTop = top;
    else if (top > box.scrollTop + room - rowHeight) box.scrollTop = top - room + rowHeight;
    box.scrollIntoView({ block: "nearest" });
}
