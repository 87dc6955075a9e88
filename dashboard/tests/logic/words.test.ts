/** What the page says: bars, headline, troubles, notices and commands. */
import { describe, expect, test } from "vitest";
import { barHover, barWords, shapeOf, TRACK } from "../../src/logic/bar";
import { commandOf, leftOut, quoted, storeOf } from "../../src/logic/command";
import { arrangeFleet, type FleetRow, sumFleet } from "../../src/logic/fleet";
import { changeWords, headlineOf } from "../../src/logic/headline";
import { cellAt, layout, measuresOf, shareText, stepOf } from "../../src/logic/heat";
import { documentName, noticeOf, sourceNotice } from "../../src/logic/notices";
import { arrangePlaces, placeColumns } from "../../src/logic/places";
import { staleness, troublesOf } from "../../src/logic/trouble";
import { HOME } from "../../src/logic/url";
import { Problem, type ProblemKind } from "../../src/reading/problem";
import type { Snapshot } from "../../src/types/model";
import { cpuNode, MARKUP, node, resource, smallTotals, snapshot, totalsOf } from "../support";

describe("a bar", () => {
    test("the track is allocatable, and requests fill their share of it", () => {
        expect(shapeOf({ allocatable: 100, requests: 50, usage: 25, limits: 100 })).toEqual({
            requests: TRACK / 2, over: 0, usage: TRACK / 4, limits: TRACK, limitsBeyond: false, cut: false,
        }); // biome-ignore format: one shape
    });
    test("beyond 100 % it goes on past the track, and says when it is cut", () => {
        expect(shapeOf({ allocatable: 100, requests: 110 })).toMatchObject({ requests: TRACK, cut: false });
        expect(shapeOf({ allocatable: 100, requests: 110 }).over).toBeCloseTo(TRACK * 0.1);
        expect(shapeOf({ allocatable: 100, requests: 900 })).toMatchObject({ over: 100 - TRACK, cut: true });
    });
    test("unknown is not drawn, and is not 0", () => {
        expect(shapeOf({ allocatable: 100, requests: null, usage: null })).toMatchObject({
            requests: null,
            usage: null,
        });
        expect(shapeOf({ allocatable: null, requests: 5 }).requests).toBeNull();
        expect(shapeOf({ allocatable: 100, requests: 0, usage: 0 })).toMatchObject({ requests: 0, usage: 0 });
    });
    test("limits far beyond are an arrow; none at all are no tick", () => {
        expect(shapeOf({ allocatable: 100, requests: 1, limits: 400 })).toMatchObject({
            limits: null,
            limitsBeyond: true,
        });
        expect(shapeOf({ allocatable: 100, requests: 1, limits: 0 })).toMatchObject({
            limits: null,
            limitsBeyond: false,
        });
    });
    test("asking where nothing is allocatable is over", () =>
        expect(shapeOf({ allocatable: 0, requests: 1 }).cut).toBe(true));
    test("its words never call requests used", () => {
        const words = barWords("cpu", { allocatable: 2000, requests: 1000, limits: 4000, usage: null });
        expect(words).toBe(
            "cpu: requests 50% of allocatable, 1.0 cores of 2.0 cores; usage unknown; limits 4.0 cores; headroom 1.0 cores",
        );
        expect(words).not.toMatch(/used|free|available/);
    });
    test("hovering gives exact integers, and why usage is unknown", () => {
        expect(barHover("cpu", { requests: 1234 }, "forbidden\x1b")).toContain(
            "requests: 1,234 millicores = 1.2 cores",
        );
        expect(barHover("cpu", { requests: 1234 }, "forbidden\x1b")).toContain("usage: unknown (forbidden\\x1b)");
        expect(barHover("nvidia.com/gpu", { requests: 1 })).not.toContain("usage");
    });
});

describe("the headline", () => {
    test("has six numbers with their change", () => {
        const made = headlineOf(smallTotals({ requests: 900 }, 3), smallTotals({ requests: 400 }, 2));
        expect(made.map((each) => each.label)).toEqual([
            "nodes",
            "pods",
            "cpu requests",
            "memory requests",
            "cpu usage",
            "memory usage",
        ]);
        expect(made.map((each) => each.change)).toEqual(["+1", "0", "+0.5 cores", null, "0", null]);
        expect(made[2]?.big).toBe("90%");
    });
    test("nodes that are not ready alarm, their number does not; a full cluster does", () => {
        const now = smallTotals({ requests: 901 }, 3);
        now.nodes.ready = 2;
        expect(headlineOf(now, null).map((each) => each.bad)).toEqual(["small", null, "big", null, null, null]);
    });
    test("unknown stays unknown", () => {
        expect(headlineOf(smallTotals({ usage: null }), null)[4]).toMatchObject({ big: "?", change: null });
    });
    test("what was 24 h ago is unknown only where it is that, not the number of now", () => {
        const words = (now: number | null, before: number | null) =>
            changeWords(headlineOf(smallTotals({ usage: now }), smallTotals({ usage: before }))[4] as never);
        expect([words(null, 100), words(100, null)]).toEqual(["", "24 h ago: unknown"]);
        expect([words(100, 100), words(1100, 100)]).toEqual(["as 24 h ago", "+1.0 cores in 24 h"]);
    });
});

describe("the fleet", () => {
    const row = (name: string, given: Partial<FleetRow> = {}): FleetRow => ({
        name,
        totals: smallTotals(),
        takenAt: 0,
        troubles: [],
        problem: null,
        loading: false,
        ...given,
    });
    test("trouble comes first, the worst of it before", () => {
        const rows = [
            row("a"),
            row("b", { troubles: [{ weight: 1, words: "" }] }),
            row("c", { troubles: [{ weight: 3, words: "" }] }),
        ];
        expect(arrangeFleet(rows, "", null).map((each) => each.name)).toEqual(["c", "b", "a"]);
        expect(arrangeFleet(rows, "", { key: "name", down: false }).map((each) => each.name)).toEqual(["a", "b", "c"]);
        expect(arrangeFleet(rows, "B", null)).toHaveLength(1);
    });
    test("a cluster that cannot be read is not summed as 0", () => {
        expect(sumFleet([row("a"), row("b", { totals: null })])).toMatchObject({ clusters: 2, nodes: 1, without: 1 });
        expect(sumFleet([row("a", { totals: null })])).toMatchObject({ nodes: null, notReady: null, pods: null });
        expect(sumFleet([])).toMatchObject({ clusters: 0, nodes: 0, pods: 0 });
    });
    test("a cluster that was not there yet needs no look", () => {
        const rows = [row("a", { troubles: [{ weight: 0, words: "no snapshot" }] }), row("b")];
        expect(sumFleet(rows).troubled).toBe(0);
    });
});

describe("troubles", () => {
    const recent = [0, 1, 2, 3].map((hour) => ({ slot: `2026-11-23T0${hour}:00:00Z`, totals: smallTotals() }));
    const index = { last: { slot: "2026-11-23T03:00:00Z", key: "", taken_at: null }, recent };
    test("three missed passes are stale, two are not", () => {
        expect(staleness(index, Date.parse("2026-11-23T05:59:00Z"))).toBeNull();
        expect(staleness(index, Date.parse("2026-11-23T06:01:00Z"))).toBe("last snapshot 3 h ago; they came every 1 h");
    });
    test("a snapshot of the future is not live: a clock is wrong", () => {
        expect(staleness(index, Date.parse("2026-11-23T02:50:00Z"))).toBeNull();
        expect(staleness(index, Date.parse("2026-11-22T23:00:00Z"))).toBe(
            "last snapshot is of 4 h from now: a clock is wrong",
        );
    });
    test("each with its words, the worst first", () => {
        const totals = {
            ...smallTotals({ requests: 950, usage: null }),
            nodes: { count: 3, ready: 2, schedulable: 2 },
        };
        expect(troublesOf(totals, recent, "old").map((each) => each.words)).toEqual([
            "old", "1 node not ready", "cpu requests 95% of allocatable", "usage is not known for every node",
        ]); // biome-ignore format: one list
    });
    test("usage of memory alone may be lost", () => {
        const totals = (usage: number | null) => {
            const made = smallTotals();
            made.resources.memory = { allocatable: 9, requests: 1, limits: 1, usage };
            return made;
        };
        const before = [{ slot: "2026-11-23T00:00:00Z", totals: totals(5) }];
        expect(troublesOf(totals(null), before, null).map((each) => each.words)).toEqual([
            "usage is not known for every node",
        ]);
        expect(troublesOf(totals(5), before, null)).toEqual([]);
    });
    test("more than nothing is told in words", () => {
        const found = troublesOf(smallTotals({ requests: 5, allocatable: 0 }), [], null);
        expect(found.map((each) => each.words)).toEqual(["cpu requests over 100% of allocatable"]);
        expect(barWords("cpu", { requests: 5, allocatable: 0 })).toContain("requests over 100% of allocatable");
        expect(barWords("gpu", { requests: 0, allocatable: 0 })).toContain("requests none of allocatable");
        expect(barWords("gpu", { requests: null, allocatable: 0 })).toContain("requests unknown of allocatable");
    });
    test("a cluster that never had usage is not in trouble for it", () => {
        expect(troublesOf(smallTotals({ usage: null }), [], null)).toEqual([]);
    });
});

describe("where numbers come from", () => {
    const source = (given: Partial<Snapshot["source"]>) => ({ ...snapshot([]).source, ...given });
    test("a pass of one moment needs no word, though a cache could not be used", () => {
        expect(sourceNotice({ trigger: "schedule", source: source({ reason: "410" }) })).toBeNull();
    });
    test("what was filled in says so, and what its numbers mean", () => {
        const made = source({ kind: "prometheus", consistent: false, reason: "scheduled is not known" });
        expect(sourceNotice({ trigger: "backfill", source: made })).toEqual({
            title: "Filled in afterwards, from prometheus",
            words: "The prometheus could not promise one point in time: pods may be missing or counted twice; scheduled is not known",
        });
    });
    test("lists of several moments say so", () => {
        const made = source({ kind: "dump", consistent: false });
        expect(sourceNotice({ trigger: "manual", source: made })?.title).toBe("Not of one point in time");
    });
});

describe("notices", () => {
    const kinds: ProblemKind[] = ["missing", "damaged", "newer", "offline", "refused", "local", "nothing-then"];
    test.each(kinds)("%s: what happened, and what to do", (kind) => {
        const notice = noticeOf(
            new Problem(kind, "clusters/prod/days/2026-11-23.json", "why\x1b"),
            "https://b.s3.eu-west-1.amazonaws.com/p/index.html",
        );
        expect(notice.title).not.toBe("");
        expect(notice.advice).toMatch(/[.:]$/);
        expect(JSON.stringify(notice)).not.toContain("\\u001b");
    });
    test("a document is named in words", () => {
        expect(documentName("clusters/prod/days/2026-11-23.json")).toBe("the index for 2026-11-23");
        expect(documentName("snapshots/cluster=c/date=2026-11-23/20261123T120000Z.json.gz")).toBe(
            "the snapshot of 2026-11-23 12:00:00 UTC",
        );
    });
});

describe("commands", () => {
    const SLOT = "2026-11-23T12:00:00Z";
    test("a bucket is known by its address", () => {
        expect(storeOf("https://bucket.s3.eu-west-1.amazonaws.com/some/prefix/index.html")).toBe(
            "s3://bucket/some/prefix",
        );
        expect(storeOf("https://s3.eu-west-1.amazonaws.com/bucket/index.html")).toBe("s3://bucket");
        expect(storeOf("http://127.0.0.1:8000/")).toBe("STORE");
    });
    test("hostile words stay one word of the shell", () => {
        expect(quoted("$(rm -rf /)'`")).toBe("'$(rm -rf /)'\\''`'");
        expect(commandOf({ ...HOME, cluster: "a; b" }, "s3://x", SLOT)).toBe(
            "nodetally show --store s3://x --cluster 'a; b'",
        );
    });
    test("the view's choices are in it", () => {
        const view = {
            ...HOME,
            cluster: "c",
            t: "2026-11-23T12:00:00Z",
            sort: { key: "cpu", down: true },
            filters: { pool: ["x"] },
            group: "zone" as const,
        };
        expect(commandOf(view, "S", SLOT)).toBe(
            "nodetally show --store S --cluster c --at 2026-11-23T12:00:00Z --sort cpu:desc --selector pool=x --group-by zone",
        );
        expect(leftOut(view)).toEqual([]);
    });
    test("a day before the shown snapshot is a moment: the command line's is before now", () => {
        const view = { ...HOME, cluster: "c", tab: "changes" as const };
        expect(commandOf(view, "S", SLOT)).toBe("nodetally diff --store S --cluster c 2026-11-22T12:00:00Z");
        expect(commandOf({ ...view, versus: "2026-11-01T00:00:00Z", t: SLOT }, "S", SLOT)).toBe(
            "nodetally diff --store S --cluster c 2026-11-01T00:00:00Z 2026-11-23T12:00:00Z",
        );
    });
    test("what the command line has not is left out, and named", () => {
        const sort = { key: "pods-terminal", down: true };
        const view = { ...HOME, cluster: "c", q: "x", sort, filters: { pool: ["a b"], zone: ["z"], state: ["Ready"] } };
        expect(commandOf(view, "S", SLOT)).toBe("nodetally show --store S --cluster c --selector zone=z");
        expect(leftOut(view)).toEqual([
            "the search", "the filter by pool", "the filter by state", "the order by pods-terminal",
        ]); // biome-ignore format: one list
    });
});

describe("the heatmap", () => {
    test("a node without the resource has none of it, and is not unknown", () => {
        const gpu = (name: string, requests: number | null, allocatable: number | null) =>
            node(name, { resources: { "nvidia.com/gpu": resource({ requests, allocatable }) } });
        const nodes = [gpu("a", 3, 8), cpuNode("b", 1), gpu("c", 0, 0), gpu("d", null, 8), node("e"), gpu("f", 1, 0)];
        const measure = measuresOf(nodes).find((each) => each.key === "gpu") as never;
        expect(nodes.map((each) => stepOf(each, measure))).toEqual([3, "none", "none", "unknown", "unknown", "over"]);
        expect(nodes.map((each) => shareText(each, measure))).toEqual(["37%", "–", "–", "?", "?", "over"]);
    });
    const nodes = [
        cpuNode("a", 100, 1000, { pool: "x" }),
        cpuNode("b", 1000, 1000, { pool: "y" }),
        cpuNode("c", 1001),
        cpuNode("d", null),
    ];
    const [measure] = measuresOf(nodes);
    if (!measure) throw new Error("no measure");
    test("a step for each tenth, over and unknown apart", () => {
        expect(nodes.map((each) => stepOf(each, measure))).toEqual([1, 9, "over", "unknown"]);
    });
    test("every node has a cell, and a point finds it", () => {
        const made = layout(nodes, measure, "pool", 260);
        expect(made.cells).toHaveLength(4);
        for (const cell of made.cells) expect(cellAt(made, cell.x + 1, cell.y + 1)?.node.name).toBe(cell.node.name);
        expect(made.headings.map((heading) => heading.text)).toEqual(["x", "y", "no pool"]);
        expect(cellAt(made, 9999, 9999)).toBeUndefined();
    });
});

test("namespaces: the one that asks for most cpu first, markup is only a name", () => {
    const place = (name: string, requests: number | null) => ({
        name,
        pods: { counted: 1 },
        resources: { cpu: { requests, limits: 0 } },
    });
    const places = [place("a", 5), place(MARKUP, 50), place("c", null)];
    const columns = placeColumns(places, { ...totalsOf([]), resources: {} });
    expect(arrangePlaces(places, columns, "", null).map((each) => each.name)).toEqual([MARKUP, "a", "c"]);
    expect(arrangePlaces(places, columns, "onerror", null)).toHaveLength(1);
    expect(columns.find((each) => each.key === "cpu-share")?.value(places[0] as never)).toBeNull();
});
