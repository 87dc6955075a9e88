/** The node table: columns, search, filters, order, groups, and its CSV. */
import { describe, expect, test } from "vitest";
import { arrange, facetCounts, filter, firstSort, grouped, search, sortBy } from "../../src/logic/arrange";
import { columnsOf } from "../../src/logic/columns";
import { cell, csvOf } from "../../src/logic/csv";
import {
    bornAt,
    cordoned,
    extraResources,
    figure,
    groupFields,
    lacking,
    shortNames,
    states,
    sumOf,
} from "../../src/logic/nodes";
import { recycle, windowOf } from "../../src/logic/window";
import { cpuNode, MARKUP, node, resource } from "../support";

const names = (rows: readonly { name: string }[]) => rows.map((row) => row.name);
const column = (nodes: Parameters<typeof columnsOf>[0], key: string) => {
    const found = columnsOf(nodes, 0).byKey.get(key);
    if (!found) throw new Error(`no column ${key}`);
    return found;
};

test("a node that was made at no time has no age", () => {
    const nodes = [node("a", { created_at: "soon" }), node("b", { created_at: null }), node("c")];
    expect(nodes.map((each) => column(nodes, "age").value(each) === null)).toEqual([true, true, false]);
    expect(nodes.map(bornAt)).toEqual([null, null, Date.parse("2026-11-01T00:00:00Z")]);
});

test("what nodes are grouped by can be chosen and left again, though no node has it", () => {
    const nodes = [node("a", { pool: "x" }), node("b")];
    expect(groupFields(nodes)).toEqual(["pool"]);
    expect(groupFields(nodes, "region")).toEqual(["pool", "region"]);
    expect(groupFields([node("b")])).toEqual([]);
});

test("what nobody measures has no usage, and none that is unknown", () => {
    const held = { "nvidia.com/gpu": resource({ allocatable: 8, requests: 1 }), cpu: resource({ allocatable: 8 }) };
    const nodes = [node("a", { resources: held }), node("b")];
    expect(nodes.map((each) => column(nodes, "gpu-usage").text(each))).toEqual(["–", "?"]);
    expect(column(nodes, "gpu-usage").text(sumOf("all", nodes))).toBe("–");
    expect(column(nodes, "cpu-usage").text(nodes[0] as never)).toBe("?");
});

describe("order", () => {
    const nodes = [cpuNode("a", 100), cpuNode("b", null), cpuNode("c", 900)];
    test("unknown comes last both ways", () => {
        const cpu = column(nodes, "cpu");
        expect(names(arrange(nodes, cpu, true))).toEqual(["c", "a", "b"]);
        expect(names(arrange(nodes, cpu, false))).toEqual(["a", "c", "b"]);
    });
    test("equal ones keep their order", () => {
        const rows = [
            { name: "x", v: 1 },
            { name: "y", v: 1 },
            { name: "z", v: 0 },
        ];
        expect(names(sortBy(rows, (row) => row.v, true))).toEqual(["x", "y", "z"]);
    });
    test("without a sort, nodes in trouble come first", () => {
        expect(
            names(
                arrange(
                    [node("a"), node("b", { ready: false }), node("c", { conditions: ["DiskPressure"] })],
                    undefined,
                    false,
                ),
            ),
        ).toEqual(["b", "c", "a"]);
    });
    test("a heading sorts its own way, then the other, then not at all", () => {
        const once = firstSort(null, "cpu", true);
        const twice = firstSort(once, "cpu", true);
        expect([once, twice, firstSort(twice, "cpu", true)]).toEqual([
            { key: "cpu", down: true },
            { key: "cpu", down: false },
            null,
        ]);
    });
    test("more than everything sorts above everything", () => {
        const over = [cpuNode("full", 1000), cpuNode("none", 1, 0), cpuNode("over", 1500)];
        expect(names(arrange(over, column(over, "cpu"), true))).toEqual(["none", "over", "full"]);
    });
});

describe("search and filters", () => {
    const nodes = [
        node("a", { pool: "x", taints: [{ key: "gpu", value: "", effect: "NoSchedule" }] }),
        node("b", { pool: "x", labels: { team: "Search" } }),
        node("c", { zone: MARKUP }),
    ];
    test("every word has to be somewhere, whatever its case", () => {
        expect(names(search(nodes, "X gpu"))).toEqual(["a"]);
        expect(names(search(nodes, "team=search"))).toEqual(["b"]);
        expect(names(search(nodes, "onerror"))).toEqual(["c"]);
        expect(search(nodes, "  ")).toHaveLength(3);
    });
    test("facets: any value of one, all of several; null is none", () => {
        expect(names(filter(nodes, { pool: ["x", null] }))).toEqual(["a", "b", "c"]);
        expect(names(filter(nodes, { pool: ["x"], taint: [null] }))).toEqual(["b"]);
        expect(names(filter(nodes, { taint: ["gpu:NoSchedule"] }))).toEqual(["a"]);
    });
    test("counts are given what the other facets leave; a chosen value stays", () => {
        expect([...facetCounts(nodes, { pool: ["x"], taint: ["gone"] }, "taint")]).toEqual([
            ["gone", 0],
            ["gpu:NoSchedule", 1],
            [null, 1],
        ]);
    });
});

describe("groups", () => {
    const nodes = [
        cpuNode("a", 100, 1000, { pool: "x" }),
        cpuNode("b", null, 1000, { pool: "x" }),
        cpuNode("c", 5, 1000),
    ];
    test("a sum with an unknown part is unknown, and says how much is known", () => {
        const sum = sumOf("x", nodes.slice(0, 2));
        expect(figure(sum, "cpu", "requests")).toBeNull();
        expect(figure(sum, "cpu", "allocatable")).toBe(2000);
        expect(sum.partial.get("cpu/requests")).toEqual({ unknown: 1, known: 100 });
        expect(column(nodes, "cpu-requests").hover?.(sum)).toBe(
            "unknown for 1 of 2 nodes; the others come to 100 millicores",
        );
    });
    test("those without the text come last, and a folded group hides its nodes", () => {
        expect(names(grouped(nodes, "pool", undefined, false, new Set()))).toEqual(["x", "a", "b", "no pool", "c"]);
        expect(names(grouped(nodes, "pool", undefined, false, new Set(["x"])))).toEqual(["x", "no pool", "c"]);
    });
    test("a resource may be called __proto__", () => {
        const odd = node("a", { resources: JSON.parse('{"__proto__":{"requests":1}}') });
        expect(figure(sumOf("x", [odd]), "__proto__", "requests")).toBe(1);
    });
});

describe("columns", () => {
    test("what a node does not have is absent, what it does not know is unknown", () => {
        const nodes = [cpuNode("a", null), node("b", { resources: { memory: resource() } }), node("c")];
        const cpu = column(nodes, "cpu-requests");
        expect(nodes.map((each) => cpu.text(each))).toEqual(["?", "–", "?"]);
    });
    test("every field of a node has a column, and every figure of every resource", () => {
        const made = node("a", { resources: { "nvidia.com/gpu": resource({ allocatable: 1 }) } });
        const { byKey } = columnsOf([made], 0);
        const keys: Record<string, string> = {
            created_at: "age",
            ready: "state",
            schedulable: "state",
            cordoned: "state",
            conditions: "state",
            roles: "role",
            resources: "gpu",
        };
        const fields = Object.keys(made).filter((field) => field !== "uid"); // the panel has it
        const wanted = fields.map((field) => keys[field] ?? field.replaceAll("_", "-"));
        const counts = ["pending", "terminating", "terminal", "allocatable"].map((name) => `pods-${name}`);
        const figures = [...Object.keys(resource()), "headroom"].map((name) => `gpu-${name}`);
        expect([...wanted, ...counts, ...figures].filter((key) => !byKey.has(key))).toEqual([]);
    });
    test("headroom may be negative, and is unknown where a part is", () => {
        const nodes = [cpuNode("a", 1500), cpuNode("b", null)];
        const headroom = column(nodes, "cpu-headroom");
        expect(nodes.map((each) => headroom.raw(each))).toEqual([-500, null]);
    });
    test("two resources of one short name keep their whole names", () => {
        expect([...shortNames(["nvidia.com/gpu", "amd.com/gpu", "x.io/name"]).values()]).toEqual([
            "nvidia.com/gpu",
            "amd.com/gpu",
            "x.io/name",
        ]);
        expect(shortNames(["nvidia.com/gpu"]).get("nvidia.com/gpu")).toBe("gpu");
    });
    test("extra resources are shown where there are any", () => {
        const nodes = [
            node("a", {
                resources: {
                    "nvidia.com/gpu": resource({ allocatable: 8 }),
                    "hugepages-1Gi": resource({ allocatable: 0 }),
                },
            }),
        ];
        expect(extraResources(nodes)).toEqual(["nvidia.com/gpu"]);
    });
    test("a node that has reported nothing is unknown, alone and in a sum; one without a GPU has none", () => {
        const [bare, other] = [node("a"), cpuNode("b", 400)];
        expect([lacking(bare), lacking(other)]).toEqual(["?", "–"]);
        expect(figure(sumOf("both", [bare, other]), "cpu", "requests")).toBeNull();
        expect(figure(sumOf("one", [other]), "cpu", "requests")).toBe(400);
    });
    test("huge pages are shown where they are asked for, storage where it runs out", () => {
        const of = (name: string, requests: number) => [
            node("a", { resources: { [name]: resource({ allocatable: 100, requests }) } }),
        ];
        expect(extraResources(of("hugepages-2Mi", 0))).toEqual([]);
        expect(extraResources(of("hugepages-2Mi", 1))).toEqual(["hugepages-2Mi"]);
        expect(extraResources(of("ephemeral-storage", 79))).toEqual([]);
        expect(extraResources(of("ephemeral-storage", 80))).toEqual(["ephemeral-storage"]);
    });
    test("names are made harmless for the eye, and kept for a file", () => {
        const odd = node("\u202egnp");
        const name = column([odd], "name");
        expect([name.text(odd), name.raw(odd)]).toEqual(["\\u202egnp", "\u202egnp"]);
    });
});

test("a node of before cordoned was stored: cordoned by what is left", () => {
    expect(cordoned(node("a", { cordoned: null, ready: true, schedulable: false }))).toBe(true);
    expect(states(node("a", { ready: null, cordoned: true }))).toEqual(["Unknown", "SchedulingDisabled"]);
});

describe("CSV", () => {
    test("formulas are text", () => {
        expect(["=1+1", "+1", "-1", "@x", "\t=1", "\r=1"].map(cell)).toEqual([
            "'=1+1",
            "'+1",
            "'-1",
            "'@x",
            "'\t=1",
            '"\'\r=1"',
        ]);
    });
    test("negative numbers stay numbers, unknown is empty", () => {
        expect([cell(-5), cell(null), cell(2 ** 60)]).toEqual(["-5", "", "about 1152921504606846976"]);
    });
    test("quotes, commas and lines are quoted", () => {
        expect(cell('a"b,c\nd')).toBe('"a""b,c\nd"');
    });
    test("a hostile node is one line", () => {
        const nodes = [cpuNode("=cmd|' /C calc'!A0", 100, 1000, { pool: 'x","y' })];
        const { byKey } = columnsOf(nodes, 0);
        const columns = ["name", "pool", "cpu-requests"].flatMap((key) => byKey.get(key) ?? []);
        expect(csvOf(columns, nodes)).toBe(
            'name,pool,cpu-requests (millicores)\r\n\'=cmd|\' /C calc\'!A0,"x"",""y",100\r\n',
        );
    });
});

describe("the window of a long table", () => {
    test("holds what is in sight and little more", () => {
        const { from, to } = windowOf(5000, 28, 28 * 1000, 560);
        expect([from <= 1000, to >= 1020, to - from < 40]).toEqual([true, true, true]);
    });
    test("stays within the rows", () => {
        expect(windowOf(3, 28, 0, 800)).toEqual({ from: 0, to: 3 });
        expect(windowOf(0, 28, 5000, 800)).toEqual({ from: 0, to: 0 });
        expect(windowOf(100, 28, 99_999, 280).to).toBe(100);
        expect(windowOf(100, 28, 99_999, 280).from).toBeGreaterThan(70);
    });
});

describe("lines of the table", () => {
    test("a row keeps its line, a new one takes over one that was left", () => {
        const first = recycle(new Map(), ["a", "b", "c"]);
        const second = recycle(first, ["c", "x", "a", "y"]);
        expect([...first]).toEqual([
            ["a", 0],
            ["b", 1],
            ["c", 2],
        ]);
        expect([...second]).toEqual([
            ["c", 2],
            ["x", 1],
            ["a", 0],
            ["y", 3],
        ]);
    });
    test("no two rows share one, and their number does not grow with scrolling", () => {
        let lines = new Map<string, number>();
        for (let from = 0; from < 1000; from += 7) {
            lines = recycle(
                lines,
                Array.from({ length: 40 }, (_, at) => `n${from + at}`),
            );
            expect(new Set(lines.values()).size).toBe(40);
            expect(Math.max(...lines.values())).toBe(39);
        }
    });
});
