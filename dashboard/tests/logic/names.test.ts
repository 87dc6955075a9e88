import { describe, expect, test } from "vitest";
import { layout, measuresOf } from "../../src/logic/heat";
import { nameParts, sharedDomain } from "../../src/logic/names";
import { node } from "../support";

describe("names", () => {
    test.each<[string[], string]>([
        [["ip-1.eu.internal", "ip-2.eu.internal"], ".eu.internal"],
        [["ip-1.eu.internal", "ip-2.us.internal"], ""],
        [["ip-1.eu.internal"], ""],
        [["gke-a", "gke-b"], ""],
        [[".hidden", "x.hidden"], ""],
        [[], ""],
    ])("%j share the domain %j", (names, domain) => {
        expect(sharedDomain(names)).toBe(domain);
    });
    test("the parts of a name are the name, and its end stays in sight", () => {
        const name = "gke-prod-pool00-02dc9d4b-140x";
        const { head, tail } = nameParts(name, "");
        expect(head + tail).toBe(name);
        expect(tail).toBe("4b-140x".padStart(8, "d"));
        expect(nameParts("short", "")).toEqual({ head: "", tail: "short" });
        expect(nameParts("a🙂🙂🙂🙂🙂🙂🙂🙂.x", ".x")).toEqual({ head: "a", tail: "🙂".repeat(8) });
    });
});

describe("the heatmap's places", () => {
    const of = (pools: Record<string, number>) =>
        Object.entries(pools).flatMap(([pool, many]) =>
            Array.from({ length: many }, (_, at) => node(`${pool}-${at}`, { pool })),
        );
    const made = (pools: Record<string, number>, width: number) => {
        const nodes = of(pools);
        const measure = measuresOf(nodes)[0];
        if (!measure) throw new Error("no measure");
        return layout(nodes, measure, "pool", width);
    };
    test("small groups stand side by side, and no two cells overlap", () => {
        const { headings, cells } = made({ a: 3, b: 2, c: 40 }, 300);
        expect(headings.map(({ text, x, y }) => [text, x > 0, y > 0])).toEqual([
            ["a", false, false],
            ["b", true, false],
            ["c", false, true],
        ]);
        expect(new Set(cells.map(({ x, y }) => `${x} ${y}`)).size).toBe(45);
        expect(cells.every(({ x }) => x + 26 <= 300)).toBe(true);
    });
});
