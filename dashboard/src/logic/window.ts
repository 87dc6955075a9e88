/** How many rows there are and what is in sight in, which of them to draw out. Pure. */

const OVERSCAN = 6; // rows beyond either edge: more than the table scrolls before it draws again

export function windowOf(rows: number, rowHeight: number, top: number, height: number): { from: number; to: number } {
    const first = Math.floor(top / rowHeight) - OVERSCAN;
    const last = Math.ceil((top + height) / rowHeight) + OVERSCAN;
    const from = Math.max(0, Math.min(first, rows - (last - first)));
    return { from, to: Math.max(from, Math.min(rows, last)) };
}

/**
 * Which drawn line each row takes: a row that was there keeps its own, a new one takes over one that was left. To write
 * other texts into a line costs the browser a third of making another.
 */
export function recycle(before: ReadonlyMap<string, number>, keys: readonly string[]): Map<string, number> {
    const there = new Set(keys);
    const free = [...before].filter(([key]) => !there.has(key)).map(([, line]) => line);
    let next = Math.max(-1, ...before.values());
    const made = new Map<string, number>();
    for (const key of keys) {
        const own = before.get(key) ?? free.shift();
        if (own === undefined) next += 1;
        made.set(key, own ?? next);
    }
    return made;
}
