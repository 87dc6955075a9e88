/** Everything that a reader can choose survives the address, whatever it is called. */
import { describe, expect, test } from "vitest";
import { formatView, HOME, parseView, type View } from "../../src/logic/url";
import { MARKUP } from "../support";

const FULL: View = {
    cluster: "prod-eu-1",
    t: "2026-11-23T12:00:00Z",
    tab: "changes",
    q: "a b&c=d#e%?",
    sort: { key: "cpu-requests", down: true },
    columns: ["name", "evil,comma", MARKUP],
    filters: { pool: ["a,b", null, "!x", "!"], zone: [MARKUP], taint: ["k=v:NoSchedule"] },
    group: "zone",
    range: "7d",
    zoom: [1000, 2000],
    chart: "nvidia.com/gpu",
    node: `${MARKUP}\u202e/?&`,
    versus: "2026-11-22T12:00:00Z",
    heat: "memory-usage",
    by: { key: "cpu-limits", down: false },
    all: true,
    folded: ["a,b", "no pool"],
};

test("a view of every choice comes back as it was", () => {
    expect(parseView(formatView(FULL))).toEqual(FULL);
});

test("what is at its default is not in the address", () => {
    expect(formatView(HOME)).toBe("#/");
    expect(formatView({ ...HOME, cluster: "prod" })).toBe("#/c/prod");
});

test("formatting what was parsed changes nothing more", () => {
    const once = formatView(FULL);
    expect(formatView(parseView(once))).toBe(once);
});

test("an address holds no sign that a fragment may not hold", () => {
    expect(formatView(FULL)).not.toMatch(/[<>" ]/);
});

describe("what cannot be read is left at its default", () => {
    test.each([
        ["#/c/prod?t=yesterday", "t", null],
        ["#/c/prod?t=2026-13-45T99:00:00Z", "t", null],
        ["#/c/prod?tab=admin", "tab", "nodes"],
        ["#/c/prod?sort=cpu", "sort", null],
        ["#/c/prod?range=1000y", "range", "24h"],
        ["#/c/prod?zoom=9-3", "zoom", null],
        ["#/c/prod?vs=soon", "versus", "24h"],
        ["#/c/prod?group=colour", "group", null],
        ["#/elsewhere", "cluster", null],
        ["", "cluster", null],
    ] as const)("%s", (hash, field, expected) => {
        expect(parseView(hash)[field]).toEqual(expected);
    });
});

test("broken percent signs harm nothing", () => {
    expect(parseView("#/c/%E0%A4%A?q=%zz").cluster).toBe("%E0%A4%A");
});
