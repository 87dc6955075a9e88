/** Parts of the page as HTML: text of the store stays text, unknown stays unknown. */
import { render } from "preact-render-to-string";
import { expect, test } from "vitest";
import { Bar } from "../../src/components/Bar";
import { Legend } from "../../src/components/Legend";
import { Outside } from "../../src/components/Outside";
import { Sparkline } from "../../src/components/Sparkline";
import { VirtualTable } from "../../src/components/VirtualTable";
import { MARKUP, smallTotals, snapshot } from "../support";

test("a bar shows requests as a share, and marks usage that is unknown", () => {
    const html = render(
        <Bar resource="cpu" figures={{ allocatable: 2000, requests: 1000, limits: 1500, usage: null }} reason="403" />,
    );
    expect(html).toContain("50%");
    expect(html).toContain("1.0 / 2.0 cores");
    expect(html).toContain('<span class="bar-unknown">?</span>');
    expect(html).not.toContain("bar-usage");
    expect(html).toContain("usage: unknown (403)");
});

test("a bar of which nothing is known has an empty, dashed track", () => {
    const html = render(<Bar resource="memory" figures={{}} />);
    expect(html).toContain("bar-track unknown");
    expect(html).not.toContain("bar-requests");
    expect(html).not.toContain("0%</b>");
});

test("over 100 % is a part of its own", () => {
    expect(render(<Bar resource="cpu" figures={{ allocatable: 1000, requests: 1100, usage: 1 }} />)).toContain(
        "bar-over",
    );
});

test("usage is not asked of what nobody measures", () => {
    expect(render(<Bar resource="nvidia.com/gpu" figures={{ allocatable: 8, requests: 1 }} />)).not.toContain(
        "bar-unknown",
    );
});

test("pods without a node, and on nodes that are not listed, are shown; markup is text", () => {
    const place = { name: MARKUP, pods: { counted: 2 }, resources: { cpu: { requests: 1500, limits: null } } };
    const html = render(
        <Outside snapshot={snapshot([], { unscheduled: { ...place, name: "" }, unknown_nodes: [place] })} />,
    );
    expect(html).toContain("2 pods without a node");
    expect(html).toContain("1 node with pods, but not listed");
    expect(html).toContain("&lt;img");
    expect(html).not.toContain("<img");
});

test("nothing is said where there are none", () => {
    expect(render(<Outside snapshot={snapshot([])} />)).toBe("");
});

test("the legend explains every word", () => {
    const html = render(<Legend />);
    for (const word of ["requests", "headroom", "usage", "limits", "over 100%", "allocatable"])
        expect(html).toContain(word);
    expect(html).not.toMatch(/\bused\b/);
});

test("a sparkline has its words", () => {
    const points = [0, 1, 2].map((hour) => ({ slot: `2026-11-23T0${hour}:00:00Z`, totals: smallTotals() }));
    expect(render(<Sparkline points={points} />)).toContain(
        "cpu requests of allocatable in the 2 h up to the last snapshot: from 50% to 50%",
    );
});

test("a table is a table: a caption, headings, row headings, and how many rows there are", () => {
    globalThis.location ??= { hash: "" } as Location;
    const rows = Array.from({ length: 5000 }, (_, at) => ({ name: `${MARKUP}${at}` }));
    const columns = [
        { key: "name", title: "node", width: 100, sortable: true, cell: (row: { name: string }) => row.name },
    ];
    const html = render(
        <VirtualTable
            caption="Nodes"
            columns={columns}
            rows={rows}
            rowKey={(row) => row.name}
            rowHeight={28}
            sort={{ key: "name", down: true }}
            onSort={() => {}}
            empty="none"
        />,
    );
    expect(html).toContain('aria-rowcount="5001"');
    expect(html).toContain('aria-sort="descending"');
    expect(html).toContain('<th scope="row" class="first">');
    expect(html).not.toContain("<img");
    expect(html.match(/data-row/g)?.length).toBeLessThan(60);
});
