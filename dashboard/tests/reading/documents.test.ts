/** Documents of the store: what is missing is null, what is wrong is said, and nothing sends the page elsewhere. */
import { describe, expect, test } from "vitest";
import { asSnapshot, Damage, Newer } from "../../src/reading/checks";
import { asClusterIndex, asClusters, asDayIndex } from "../../src/reading/derived";
import { isClusterName, isSlot, snapshotKey } from "../../src/reading/keys";
import { cpuNode, MARKUP, node, smallTotals, snapshot, stored } from "../support";

const broken = (change: (raw: Record<string, never>) => void) => {
    const raw = stored(snapshot([cpuNode("a", 1)]));
    change(raw as Record<string, never>);
    return () => asSnapshot(raw);
};

describe("a snapshot", () => {
    test("is read as it is", () => {
        const made = snapshot([cpuNode("a", 1), node(MARKUP)]);
        expect(asSnapshot(stored(made))).toEqual(made);
    });
    test("may lack what an older or a filled-in one lacks: then it is null, not 0", () => {
        const raw = stored(snapshot([node("a")]));
        for (const key of ["namespaces", "unscheduled", "unknown_nodes", "cost"]) delete raw[key];
        const [first] = raw.nodes as Record<string, unknown>[];
        const lacking = Object.keys(first ?? {}).filter((key) => !["name", "pods", "resources"].includes(key));
        for (const key of lacking) delete first?.[key];
        (first as { pods: object }).pods = {};
        const made = asSnapshot(raw);
        expect([made.namespaces, made.unscheduled, made.unknown_nodes, made.cost]).toEqual([null, null, null, null]);
        expect(made.nodes[0]).toMatchObject(Object.fromEntries(lacking.map((key) => [key, null])));
        expect(made.nodes[0]?.pods).toEqual({
            counted: null,
            pending: null,
            terminating: null,
            terminal: null,
            allocatable: null,
        });
    });
    test("of a newer schema is told apart, before anything else of it is believed", () => {
        expect(() => asSnapshot({ schema: 2, nodes: "another shape" })).toThrow(Newer);
    });
    test.each([
        ["no nodes", (raw: Record<string, unknown>) => delete raw.nodes],
        ["nodes that are text", (raw: Record<string, unknown>) => (raw.nodes = "x")],
        ["a node without a name", (raw: Record<string, unknown>) => (raw.nodes = [{}])],
        ["a fraction", (raw: Record<string, unknown>) => (raw.nodes = [{ ...node("a"), pods: { counted: 1.5 } }])],
        ["a number as text", (raw: Record<string, unknown>) => (raw.nodes = [cpuNode("a", "5" as never)])],
        ["a slot that is no time", (raw: Record<string, unknown>) => (raw.slot = "noon")],
        ["no schema", (raw: Record<string, unknown>) => delete raw.schema],
        ["no usage", (raw: Record<string, unknown>) => delete raw.usage],
    ])("with %s is damaged", (_, change) => {
        expect(broken(change as never)).toThrow(Damage);
    });
    test("says which node is damaged", () => {
        expect(
            broken((raw) => ((raw as Record<string, unknown>).nodes = [node("a"), { ...node("b"), ready: "yes" }])),
        ).toThrow("node 2: ready is neither true nor false");
    });
    test.each([null, [], "x", 5])("is not %j", (value) => expect(() => asSnapshot(value)).toThrow(Damage));
});

describe("an index", () => {
    const end = { slot: "2026-11-23T12:00:00Z", key: "https://evil.example/x", taken_at: null };
    const raw = {
        schema: 1,
        cluster: "prod",
        days: ["2026-11-23", "2026-11-22"],
        first: null,
        last: end,
        totals: smallTotals(),
        recent: [],
    };
    test("names keys that the page makes itself", () => {
        expect(asClusterIndex(stored(raw), "prod").last.key).toBe(
            "snapshots/cluster=prod/date=2026-11-23/20261123T120000Z.json.gz",
        );
    });
    test("has its days in order", () =>
        expect(asClusterIndex(stored(raw), "prod").days).toEqual(["2026-11-22", "2026-11-23"]));
    test("of another cluster is damaged", () => expect(() => asClusterIndex(stored(raw), "other")).toThrow(Damage));
    test("with a day that is a path is damaged", () => {
        expect(() => asClusterIndex({ ...stored(raw), days: ["../../x"] }, "prod")).toThrow(Damage);
    });
    test("that was taken at no time is damaged, and no age is made of it", () => {
        const last = { ...end, taken_at: "soon" };
        expect(() => asClusterIndex({ ...stored(raw), last }, "prod")).toThrow("taken_at is no time");
    });
    test("of a day holds only that day's snapshots", () => {
        const day = { schema: 1, cluster: "prod", date: "2026-11-22", snapshots: [{ ...end, totals: smallTotals() }] };
        expect(() => asDayIndex(stored(day), "prod", "2026-11-22")).toThrow("of another day");
    });
    test("a total without a figure is unknown", () => {
        const totals = { nodes: {}, pods: {}, resources: { cpu: {} } };
        const made = asClusterIndex({ ...stored(raw), totals }, "prod").totals;
        expect(made.resources.cpu).toEqual({ allocatable: null, requests: null, limits: null, usage: null });
        expect(made.nodes.count).toBeNull();
    });
});

test("the list of clusters holds texts, whatever they say", () => {
    expect(asClusters({ schema: 1, clusters: [MARKUP] }).clusters).toEqual([MARKUP]);
    expect(() => asClusters({ schema: 1, clusters: [5] })).toThrow(Damage);
});

test("only a cluster's name may be part of a key", () => {
    expect(["prod-eu-1", "a", "A.b_c"].every(isClusterName)).toBe(true);
    expect([MARKUP, "", "..", "a/b", "a..b", "-a", "a-", "a".repeat(64), "a\n", "%2e"].some(isClusterName)).toBe(false);
});

test("a slot is a time to the second", () => {
    expect(isSlot("2026-11-23T12:00:00Z")).toBe(true);
    expect(["2026-11-23", "2026-11-23T12:00:00+01:00", "2026-99-23T12:00:00Z"].some(isSlot)).toBe(false);
    expect(snapshotKey("c", "2026-11-23T12:00:00Z")).toBe(
        "snapshots/cluster=c/date=2026-11-23/20261123T120000Z.json.gz",
    );
});
