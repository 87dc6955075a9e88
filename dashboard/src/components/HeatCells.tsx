/** The heatmap's cells on a canvas: drawn, pointed at, opened. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { type Cell, cellAt, type HeatLayout, layout, type Measure, shareText } from "../logic/heat";
import { states, type TextField } from "../logic/nodes";
import { count, grouped, harmless } from "../logic/text";
import { usePage } from "../state/page";
import type { Node } from "../types/model";
import { colour, heatColours } from "./colours";

interface CellsProps {
    nodes: readonly Node[];
    measure: Measure;
    group: TextField | null;
}

export function HeatCells({ nodes, measure, group }: CellsProps) {
    const { view, go, dark } = usePage();
    const canvas = useRef<HTMLCanvasElement>(null);
    const box = useRef<HTMLDivElement>(null);
    const [width, setWidth] = useState(0);
    const [hover, setHover] = useState<Cell | null>(null);
    useEffect(() => {
        const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry?.contentRect.width ?? 0)));
        if (box.current) observer.observe(box.current);
        return () => observer.disconnect();
    }, []);
    const made = useMemo(() => (width ? layout(nodes, measure, group, width) : null), [nodes, measure, group, width]);
    // drawn again in the theme's colours
    useEffect(() => {
        if (made && canvas.current) draw(canvas.current, made, width, view.node);
    }, [made, width, dark, view.node]);
    useEffect(() => setHover(null), [made]); // what it told is of the cells before
    const under = (event: MouseEvent) => (made && cellAt(made, event.offsetX, event.offsetY)) || null;
    return (
        <div class="heat-box" ref={box}>
            {/* The table is its keyboard equivalent. */}
            <canvas
                ref={canvas}
                role="img"
                aria-label={`${harmless(measure.title)}: a cell for each of ${count(nodes.length, "node")}; the scale above counts them`}
                onMouseMove={(event) => {
                    const found = under(event);
                    if (found?.node !== hover?.node) setHover(found);
                }}
                onMouseLeave={() => setHover(null)}
                onClick={(event) => {
                    const found = under(event);
                    if (found) go({ node: found.node.name });
                }}
            />
            {hover && made && <Tip cell={hover} made={made} measure={measure} width={width} />}
        </div>
    );
}

function Tip({ cell, made, measure, width }: { cell: Cell; made: HeatLayout; measure: Measure; width: number }) {
    const left = Math.min(cell.x, Math.max(0, width - 320));
    return (
        <div class="tip" style={{ left: `${left}px`, top: `${cell.y + made.cell + 4}px` }}>
            <strong>{harmless(cell.node.name)}</strong>
            <span>
                {harmless(measure.title)}: {shareText(cell.node, measure)}
            </span>
            <span class="quiet">{states(cell.node).map(harmless).join(", ")}</span>
        </div>
    );
}

function draw(canvas: HTMLCanvasElement, made: HeatLayout, width: number, chosen: string | null): void {
    const scale = devicePixelRatio || 1;
    canvas.width = width * scale;
    canvas.height = made.height * scale;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${made.height}px`;
    const pen = canvas.getContext("2d");
    if (!pen) return;
    pen.scale(scale, scale);
    const steps = heatColours();
    const [text, line, over, overDark] = ["text", "track-line", "over", "over-dark"].map(colour) as [
        string,
        string,
        string,
        string,
    ];
    pen.font = "12px system-ui, sans-serif";
    pen.fillStyle = text;
    for (const heading of made.headings)
        pen.fillText(`${harmless(heading.text)}  ${grouped(heading.count)}`, heading.x, heading.y + 15, width);
    const side = made.cell - (made.cell > 12 ? 2 : 1);
    for (const cell of made.cells) {
        pen.fillStyle =
            cell.step === "over" ? over : typeof cell.step === "number" ? (steps[cell.step] as string) : "transparent";
        pen.fillRect(cell.x, cell.y, side, side);
        if (cell.step === "over") stroke(pen, overDark, [cell.x, cell.y + side, cell.x + side, cell.y]);
        if (cell.step === "none")
            stroke(pen, line, [cell.x + side / 3, cell.y + side / 2, cell.x + side - side / 3, cell.y + side / 2]);
        if (cell.step === "unknown") outline(pen, line, cell.x, cell.y, side);
        if (cell.node.name === chosen) outline(pen, text, cell.x, cell.y, side, 2);
    }
}

/** Over 100 % has a slash, none is a dash, unknown is hollow: none of them needs colour to be seen. */
function stroke(
    pen: CanvasRenderingContext2D,
    style: string,
    [x1, y1, x2, y2]: [number, number, number, number],
): void {
    pen.strokeStyle = style;
    pen.lineWidth = 1.5;
    pen.beginPath();
    pen.moveTo(x1, y1);
    pen.lineTo(x2, y2);
    pen.stroke();
}

function outline(pen: CanvasRenderingContext2D, style: string, x: number, y: number, side: number, width = 1): void {
    pen.strokeStyle = style;
    pen.lineWidth = width;
    pen.strokeRect(x + 0.5, y + 0.5, side - 1, side - 1);
}
