/** How much is looked at when the table changes: counts, which hold on any machine; times are for the bench. */
import { describe, expect, test } from "vitest";
import { tableColumns } from "../../src/components/nodeCells";
import { search, sortBy } from "../../src/logic/arrange";
import { type Column, columnsOf } from "../../src/logic/columns";
import { sumOf } from "../../src/logic/nodes";
import type { Node } from "../../src/types/model";
import { node, resource, snapshot } from "../support";

const POOLS = 3;
const RESOURCES = ["cpu", "memory", "nvidia.com/gpu"];

/** Nodes that count how often one of their fields is read. */
function watched(field: keyof Node, size = 50): { nodes: Node[]; reads: () => number } {
    let reads = 0;
    const nodes = Array.from({ length: size }, (_, at) => {
        const made = node(`node-${at}`, {
            pool: `pool-${at % POOLS}`,
            resources: Object.fromEntries(
                RESOURCES.map((name) => [name, resource({ requests: at, allocatable: 1000 })]),
            ),
        });
        const value = made[field];
        return Object.defineProperty(made, field, {
            get: () => {
                reads += 1;
                return value;
            },
        });
    });
    return { nodes, reads: () => reads };
}

const LOOK = { phone: false, sums: false, folded: [], fold: () => undefined };

describe("work", () => {
    test("sorting asks each row for its value once", () => {
        const { nodes, reads } = watched("pool");
        sortBy(nodes, (row) => row.pool, true);
        expect(reads()).toBe(nodes.length);
    });
    test("a sum looks into a node twice for each resource, whatever the number of figures", () => {
        const { nodes, reads } = watched("resources");
        sumOf("all", nodes);
        expect(reads()).toBeLessThanOrEqual(nodes.length * (1 + 2 * RESOURCES.length));
    });
    test("the next letter of a search reads no labels again", () => {
        const { nodes, reads } = watched("labels");
        search(nodes, "n");
        search(nodes, "no");
        expect(reads()).toBe(nodes.length);
    });
    test("widths are looked for once a snapshot: not again when a sum comes and goes", () => {
        const { nodes, reads } = watched("resources");
        const shown = snapshot(nodes);
        const bars = columnsOf(nodes, 0).all.filter((column) => column.kind === "bar");
        tableColumns(bars, shown, LOOK);
        const once = reads();
        tableColumns(bars, shown, { ...LOOK, sums: true });
        expect([once > 0, reads()]).toEqual([true, once]);
    });
    test("a column of pods has room for a sum's: a number that is cut looks like a smaller one", () => {
        const pods = { counted: 500, pending: 0, terminating: 0, terminal: 0, allocatable: 900 };
        const shown = snapshot(Array.from({ length: 40 }, (_, at) => node(`n${at}`, { pods })));
        const column = columnsOf(shown.nodes, 0).byKey.get("pods") as Column;
        const width = (sums: boolean) => tableColumns([column], shown, { ...LOOK, sums })[0]?.width ?? 0;
        expect(width(true) - width(false)).toBeGreaterThanOrEqual(6 * 7); // "20,000 / 36,000" beside "500 / 900"
    });
    test("of nodes in the same pool one is asked how long its text is", () => {
        const { nodes } = watched("pool");
        let asked = 0;
        const pool = columnsOf(nodes, 0).byKey.get("pool") as Column;
        const counting: Column = {
            ...pool,
            text: (row) => {
                asked += 1;
                return pool.text(row);
            },
        };
        tableColumns([counting], snapshot(nodes), LOOK);
        expect(asked).toBe(POOLS);
    });
});
