/** Two moments: what came, went and moved, and no number where a side is unknown. */
import { expect, test } from "vitest";
import { compare, narrowed, notable } from "../../src/logic/compare";
import { cpuNode, node, resource, snapshot } from "../support";

const only = (before: ReturnType<typeof node>, after: ReturnType<typeof node>) =>
    compare(snapshot([before]), snapshot([after])).changed[0];

test("nodes come, go, change and stay", () => {
    const made = compare(
        snapshot([cpuNode("gone", 1), cpuNode("moved", 1), cpuNode("same", 1)]),
        snapshot([cpuNode("moved", 5), cpuNode("new", 1), cpuNode("same", 1)]),
    );
    expect([made.came, made.went, made.changed].map((rows) => rows.map((row) => row.name))).toEqual([
        ["new"],
        ["gone"],
        ["moved"],
    ]);
    expect(made.unchanged).toBe(1);
});

test("requests that become unknown have no difference", () => {
    const { deltas } = only(cpuNode("a", 5), cpuNode("a", null)) ?? { deltas: [] };
    expect(deltas.find((each) => each.resource === "cpu" && each.figure === "requests")).toMatchObject({
        before: 5,
        after: null,
        value: null,
    });
});

test("a state that changed comes before larger amounts", () => {
    const made = compare(
        snapshot([cpuNode("a", 0), cpuNode("z", 1)]),
        snapshot([cpuNode("a", 900), cpuNode("z", 1, 1000, { ready: false })]),
    );
    expect(made.changed.map((change) => change.name)).toEqual(["z", "a"]);
    expect(made.changed[0]?.words).toEqual(["Ready → NotReady"]);
});

test("a name that came back with another uid is told", () => {
    expect(only(node("a"), node("a", { uid: "other" }))?.recreated).toBe(true);
});

test("taints that came and went are told in words", () => {
    const taint = { key: "k", value: "v", effect: "NoSchedule" };
    expect(only(node("a"), node("a", { taints: [taint] }))?.words).toEqual(["+taint k=v:NoSchedule"]);
});

test("usage that moved a little is not worth a line, requests are", () => {
    const used = (usage: number, requests = 1) =>
        node("a", { resources: { cpu: resource({ allocatable: 1000, requests, usage }) } });
    expect(notable(only(used(10), used(50)) as never)).toBe(false);
    expect(notable(only(used(10), used(200)) as never)).toBe(true);
    expect(notable(only(used(10), used(10, 2)) as never)).toBe(true);
});

test("namespaces that a side does not know are unknown, not gone", () => {
    const place = { name: "x", pods: { counted: 1 }, resources: {} };
    expect(compare(snapshot([], { namespaces: null }), snapshot([], { namespaces: [place] })).namespaces).toBeNull();
});

test("a search leaves what it finds of every list, and counts what of it did not change", () => {
    const whole = compare(
        snapshot([
            cpuNode("gone", 1, 1000, { pool: "x" }),
            cpuNode("moved", 1),
            cpuNode("same", 1, 1000, { pool: "x" }),
        ]),
        snapshot([cpuNode("moved", 5), cpuNode("new", 1), cpuNode("same", 1, 1000, { pool: "x" })]),
    );
    const made = narrowed(whole, "X");
    expect([made.went.length, made.came.length, made.changed.length, made.unchanged]).toEqual([1, 0, 0, 1]);
    expect(narrowed(whole, "moved")).toMatchObject({ went: [], came: [], unchanged: 0, totals: whole.totals });
    expect(narrowed(whole, " ")).toBe(whole);
});
