/** Over time: gaps stay gaps, unknown stays unknown. */
import { describe, expect, test } from "vitest";
import { nodeSeries, pick } from "../../src/logic/nodeday";
import { alone, extent, gapsIn, inside, nearest, seriesOf } from "../../src/logic/series";
import { sparkPath } from "../../src/logic/spark";
import { nearestMark, stripOf } from "../../src/logic/strip";
import { cpuNode, smallTotals } from "../support";

const slot = (minute: number) => new Date(Date.UTC(2026, 10, 23, 0, minute)).toISOString().replace(".000", "");
const point = (minute: number, given = {}) => ({ slot: slot(minute), totals: smallTotals(given) });
const CPU = { kind: "resource", name: "cpu" } as const;

describe("gaps", () => {
    test("two missing passes are a gap, one late pass is none", () => {
        expect(gapsIn([0, 15, 30, 75, 90])).toEqual([[30, 75]]);
        expect(gapsIn([0, 15, 30, 55, 70])).toEqual([]);
    });
    test("another rhythm is no gap", () => {
        expect(gapsIn([0, 60, 120, 180, 240, 241, 242, 243, 244])).toEqual([]);
    });
    test("a gap breaks every line of a chart", () => {
        const series = seriesOf([point(0), point(15), point(30), point(90), point(105)], CPU);
        expect(series.times).toHaveLength(6);
        expect(series.lines.map((line) => line.values[3])).toEqual([null, null, null, null]);
        expect(series.lines.map((line) => line.name)).toEqual(["allocatable", "limits", "requests", "usage"]);
    });
    test("a snapshot between two gaps is drawn, though no line reaches it", () => {
        const lone = seriesOf(
            [0, 15, 30, 45, 200, 400, 415, 430, 445].map((minute) => point(minute)),
            CPU,
        );
        const [values] = lone.lines.map((line) => line.values);
        expect(lone.gaps).toHaveLength(2);
        expect(alone(values ?? []).map((at) => lone.times[at])).toEqual([Date.parse(slot(200)) / 1000]);
        expect(alone([1, null, 2, 3, null, undefined])).toEqual([0]);
    });
    test("what lies outside of what was zoomed into is not spoken of", () => {
        const whole = seriesOf([point(0, { usage: 900 }), point(15), point(30), point(90), point(105)], CPU);
        const seconds = (minute: number) => Date.parse(slot(minute)) / 1000;
        const seen = inside(whole, [seconds(10), seconds(40)]);
        expect(seen.times).toEqual([seconds(15), seconds(30)]);
        expect(extent(seen.lines[3] as never)).toEqual({ least: 0.1, most: 0.1, last: 0.1 });
        expect([seen.gaps.length, inside(whole, [seconds(0), seconds(20)]).gaps.length]).toEqual([1, 0]);
        expect(inside(whole, [seconds(200), seconds(300)]).times).toEqual([]);
    });
    test("unknown usage is null, not 0; amounts are in cores", () => {
        const usage = seriesOf([point(0), point(15, { usage: null })], CPU).lines[3];
        expect(usage?.values).toEqual([0.1, null]);
        expect(extent(usage as never)).toEqual({ least: 0.1, most: 0.1, last: null });
    });
    test("a pool that is scaled to none of a resource has 0 of it, which is known", () => {
        const gpu = { allocatable: 8, requests: 4, limits: 4, usage: null };
        const [some, none, bare, empty] = [point(0), point(15), point(30), point(45)];
        some.totals.resources["nvidia.com/gpu"] = gpu;
        bare.totals.resources = {};
        empty.totals = { ...empty.totals, nodes: { count: 0, ready: 0, schedulable: 0 }, resources: {} };
        const all = [some, none, bare, empty];
        const lines = (name: string) =>
            Object.fromEntries(seriesOf(all, { kind: "resource", name }).lines.map((line) => [line.name, line.values]));
        expect(lines("nvidia.com/gpu")).toMatchObject({ requests: [4, 0, null, 0], limits: [4, 0, null, 0] });
        expect(lines("nvidia.com/gpu")).not.toHaveProperty("usage"); // nobody measures it
        expect(lines("cpu")).toMatchObject({ requests: [0.5, 0.5, null, 0], usage: [0.1, 0.1, null, 0] });
    });
    test("the last of a slower rhythm is no gap, though the range begins with it", () => {
        const [slow, quick] = [
            [0, 360],
            [720, 735, 750, 765],
        ];
        const points = [...slow.slice(1), ...quick].map((minute) => point(minute));
        expect(seriesOf(points, CPU).gaps).toHaveLength(1);
        const slots = [...[-360], ...slow, ...quick].map(slot);
        expect(seriesOf(points, CPU, slots)).toMatchObject({ gaps: [], times: { length: 5 } });
    });
    test("a resource that is not there is unknown, even one called constructor", () => {
        const series = seriesOf([point(0)], { kind: "resource", name: "constructor" });
        expect(series.lines.every((line) => line.values[0] === null)).toBe(true);
    });
});

test("the nearest point is within the tolerance, or none", () => {
    const points = [point(0), point(60)];
    expect(nearest(points, Date.parse(slot(50)), 600_000)?.slot).toBe(slot(60));
    expect(nearest(points, Date.parse(slot(30)), 600_000)).toBeNull();
});

test("a sparkline lifts its pen over gaps and unknowns", () => {
    const points = [0, 15, 30, 90, 105].map((minute) => point(minute));
    expect(sparkPath(points, "cpu", 100, 10).match(/M/g)).toHaveLength(2);
    expect(sparkPath([point(0), point(15, { requests: null }), point(30)], "cpu", 100, 10).match(/M/g)).toHaveLength(2);
    expect(sparkPath([point(0)], "cpu", 100, 10)).toBe("");
});

test("a sparkline is a day wide: an hour is a small part of it", () => {
    expect(sparkPath([point(0), point(30), point(60)], "cpu", 240, 10)).toBe("M230.0 5.0L235.0 5.0L240.0 5.0");
});

describe("a day's strip", () => {
    const bounds: [number, number] = [Date.UTC(2026, 10, 23), Date.UTC(2026, 10, 24)];
    const strip = stripOf([slot(0), slot(360), slot(720), "2026-11-24T00:00:00Z"], bounds);
    test("has a mark for each snapshot of the day alone", () =>
        expect(strip.marks.map((mark) => mark.at)).toEqual([0, 0.25, 0.5]));
    test("a gap over midnight is seen in both days, one beyond the day in none", () => {
        const slots = [-60, -45, -30, 300, 315, 330, 345, 3000].map(slot);
        const [gap, ...others] = stripOf(slots, bounds).gaps;
        expect([gap, others]).toEqual([[0, 300 / 1440], [[345 / 1440, 1]]]);
        const before: [number, number] = [Date.UTC(2026, 10, 22), Date.UTC(2026, 10, 23)];
        expect(stripOf(slots, before).gaps).toEqual([[1410 / 1440, 1]]);
        expect(stripOf(slots.slice(0, -1), bounds).gaps).toHaveLength(1);
    });
    test("a click goes to the nearest", () => {
        expect(nearestMark(strip, 0.4)).toBe(slot(720));
        expect(nearestMark(stripOf([], bounds), 0.4)).toBeNull();
    });
});

describe("a node's own day", () => {
    const entries = Array.from({ length: 1440 }, (_, at) => at);
    test("what it may download is bounded", () => {
        expect(pick(entries, 10)).toHaveLength(49);
        expect(pick(entries, 1_000_000)).toEqual([0, 720, 1439]);
        expect(pick(entries, 50_000_000)).toEqual([0, 1439]);
        expect(pick([1, 2], 50_000_000)).toEqual([1, 2]);
    });
    test("no line of it crosses a gap", () => {
        const seen = [0, 15, 30, 90, 105].map((minute) => ({ slot: slot(minute), node: cpuNode("a", 500) }));
        const series = nodeSeries(seen, "cpu");
        expect(series.gaps).toHaveLength(1);
        expect(series.lines.find((line) => line.name === "requests")?.values).toEqual([0.5, 0.5, 0.5, null, 0.5, 0.5]);
    });
    test("a snapshot without the node is a hole, not 0", () => {
        const series = nodeSeries(
            [
                { slot: slot(0), node: cpuNode("a", 500) },
                { slot: slot(15), node: null },
            ],
            "cpu",
        );
        expect(series.lines.find((line) => line.name === "requests")?.values).toEqual([0.5, null]);
    });
});
