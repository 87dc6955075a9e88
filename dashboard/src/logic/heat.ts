/** Nodes in, coloured cells out: which ratio, which step of the scale, where each cell lies. Pure; draws nothing. */
import type { Node } from "../types/model";
import { percentage, ratio } from "./amounts";
import { isMeasured } from "./bar";
import { figure, has, lacking, nodesBy, resourceNames, shortNames, type TextField } from "./nodes";
import { ABSENT } from "./text";

export interface Measure {
    key: string;
    title: string;
    part: (node: Node) => number | null;
    whole: (node: Node) => number | null;
    /** Whether there is nothing of it on the node, which is not the same as unknown. */
    lacks: (node: Node) => boolean;
}

/** Ratios that a cell can show: requests, usage and limits of allocatable, usage of requests; and pods. */
export function measuresOf(nodes: readonly Node[]): Measure[] {
    const names = resourceNames(nodes);
    const short = shortNames(names);
    const made = names.flatMap((name) => {
        const said = short.get(name) as string;
        const lacks = (node: Node) => !has(node, name) && lacking(node) === ABSENT;
        const of = (part: "requests" | "limits" | "usage" | "allocatable") => (node: Node) => figure(node, name, part);
        const asked = {
            key: said,
            title: `${said} requests of allocatable`,
            part: of("requests"),
            whole: of("allocatable"),
            lacks,
        };
        const limits = {
            key: `${said}-limits`,
            title: `${said} limits of allocatable`,
            part: of("limits"),
            whole: of("allocatable"),
            lacks,
        };
        if (!isMeasured(name)) return [asked];
        return [
            asked,
            {
                key: `${said}-usage`,
                title: `${said} usage of allocatable`,
                part: of("usage"),
                whole: of("allocatable"),
                lacks,
            },
            {
                key: `${said}-waste`,
                title: `${said} usage of requests`,
                part: of("usage"),
                whole: of("requests"),
                lacks,
            },
            limits,
        ];
    });
    const pods = {
        key: "pods",
        title: "pods of what a node takes",
        part: (node: Node) => node.pods.counted,
        whole: (node: Node) => node.pods.allocatable,
        lacks: () => false,
    };
    return [...made, pods];
}

/** Steps of the colour scale: 0–9 by tenths up to 100 %, "over" beyond, "none" of nothing, "unknown". */
export type Step = number | "over" | "none" | "unknown";

export function stepOf(node: Node, measure: Measure): Step {
    const [part, whole] = [measure.part(node), measure.whole(node)];
    if (measure.lacks(node) || (part === 0 && whole === 0)) return "none";
    const share = ratio(part, whole);
    if (share === null) return "unknown";
    return share > 1 ? "over" : Math.min(9, Math.floor(share * 10));
}

export const shareText = (node: Node, measure: Measure): string =>
    measure.lacks(node) ? ABSENT : percentage(measure.part(node), measure.whole(node));

export interface Cell {
    node: Node;
    x: number;
    y: number;
    step: Step;
}

export interface HeatLayout {
    cells: Cell[];
    headings: { text: string; x: number; y: number; count: number }[];
    cell: number;
    height: number;
}

const HEADING = 22;
const GAP_BELOW = 10;
const GAP_BESIDE = 22;
const SIGN = 8; // px: a sign of a heading, with some to spare

/** Cells in rows, group by group; smaller where there are many. Small groups stand side by side. */
export function layout(nodes: readonly Node[], measure: Measure, group: TextField | null, width: number): HeatLayout {
    const cell = nodes.length > 2000 ? 11 : nodes.length > 400 ? 16 : 26;
    const perRow = Math.max(1, Math.floor(width / cell));
    const made: HeatLayout = { cells: [], headings: [], cell, height: 0 };
    let [left, top] = [0, 0];
    for (const [name, members] of groupsIn(nodes, group)) {
        const text = name ?? `no ${group}`;
        const heading = group ? (text.length + String(members.length).length + 2) * SIGN : 0;
        const wide = Math.max(Math.min(members.length, perRow) * cell, Math.min(heading, width));
        if (left > 0 && left + wide > width) [left, top] = [0, made.height];
        if (group) made.headings.push({ text, x: left, y: top, count: members.length });
        const first = top + (group ? HEADING : 0);
        for (const [at, node] of members.entries()) {
            const [x, y] = [left + (at % perRow) * cell, first + Math.floor(at / perRow) * cell];
            made.cells.push({ node, x, y, step: stepOf(node, measure) });
        }
        const bottom = first + Math.ceil(members.length / perRow) * cell + (group ? GAP_BELOW : 0);
        made.height = Math.max(made.height, bottom);
        left += wide + GAP_BESIDE;
    }
    return made;
}

const groupsIn = (nodes: readonly Node[], group: TextField | null): [string | null, readonly Node[]][] =>
    group ? nodesBy(nodes, group) : [["", nodes]];

/** The cell under a point; undefined between cells. */
export function cellAt(made: HeatLayout, x: number, y: number): Cell | undefined {
    return made.cells.find((each) => x >= each.x && x < each.x + made.cell && y >= each.y && y < each.y + made.cell);
}
