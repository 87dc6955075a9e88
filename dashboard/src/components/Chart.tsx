/** One chart on uPlot: lines, gaps as gaps, a hairline that all charts share, dragging to zoom, a click to go there. */
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { axisDate, axisNumber, axisTime } from "../logic/axis";
import { alone, type Series } from "../logic/series";
import type { Zone } from "../logic/times";
import { colour } from "./colours";

export interface ChartProps {
    series: Series;
    span: [number, number];
    zone: Zone;
    dark: boolean;
    label: string;
    onHover: (at: number | null) => void;
    onZoom: (span: [number, number] | null) => void;
    onPick: (seconds: number) => void;
}

const HEIGHT = 150;
const LEAST_DRAG = 4; // px: less is a click

const STYLES: Record<string, Partial<uPlot.Series>> = {
    allocatable: { width: 1 },
    limits: { width: 1, dash: [5, 4] },
    requests: { width: 2 },
    usage: { width: 1.5 },
    pods: { width: 2 },
    all: { width: 1 },
    ready: { width: 2 },
    schedulable: { width: 1, dash: [5, 4] },
};
const COLOURS: Record<string, string> = {
    allocatable: "track-line",
    limits: "limits",
    requests: "requests",
    usage: "usage",
    pods: "requests",
    all: "track-line",
    ready: "requests",
    schedulable: "limits",
};

export function Chart(props: ChartProps) {
    const box = useRef<HTMLDivElement>(null);
    const plot = useRef<uPlot | null>(null);
    const current = useRef(props);
    current.current = props;
    const lines = props.series.lines.map((line) => line.name).join(",");

    // made anew only when what it is made of changes
    useEffect(() => {
        const root = box.current;
        if (!root) return;
        const made = new uPlot(optionsOf(current, root.clientWidth), dataOf(props.series), root);
        plot.current = made;
        const observer = new ResizeObserver(() => made.setSize({ width: root.clientWidth, height: HEIGHT }));
        observer.observe(root);
        return () => {
            observer.disconnect();
            made.destroy();
            plot.current = null;
        };
    }, [lines, props.dark, props.zone]);
    useEffect(() => plot.current?.setData(dataOf(props.series), false), [props.series]);
    // lines, dark and zone make another plot
    useEffect(() => {
        plot.current?.setScale("x", { min: props.span[0], max: props.span[1] });
    }, [props.span[0], props.span[1], props.series, lines, props.dark, props.zone]);
    return <div class="chart-box" ref={box} role="img" aria-label={props.label} />;
}

const dataOf = ({ times, lines }: Series): uPlot.AlignedData =>
    [times, ...lines.map((line) => line.values)] as uPlot.AlignedData;

function optionsOf(current: { current: ChartProps }, width: number): uPlot.Options {
    const { series, zone } = current.current;
    const [quiet, line, surface] = [colour("quiet"), colour("line"), colour("surface")];
    const strokes = series.lines.map(({ name }) => colour(COLOURS[name] ?? "requests"));
    const axis = {
        stroke: quiet,
        grid: { stroke: line, width: 1 },
        ticks: { show: false },
        font: "11px system-ui, sans-serif",
    };
    return {
        width,
        height: HEIGHT,
        tzDate: (seconds) => axisDate(seconds, zone),
        legend: { show: false },
        padding: [6, 16, 0, 0],
        cursor: {
            y: false,
            sync: { key: "nodetally" },
            drag: { x: true, y: false, setScale: false },
            points: { size: 5, fill: (_u, line) => strokes[line - 1] as string },
            bind: { dblclick: () => () => whole(current.current) },
        },
        scales: { x: { time: true }, y: { range: (_u, _least, most) => [0, most > 0 ? most * 1.06 : 1] } },
        axes: [
            {
                ...axis,
                size: 24,
                space: 60,
                values: (_u, splits, _axis, _space, step) => splits.map((at) => axisTime(at * 1000, step, zone)),
            },
            { ...axis, size: 46, values: (_u, splits) => splits.map(axisNumber) },
        ],
        series: [
            {},
            ...series.lines.map(({ name }, line) => ({
                label: name,
                stroke: strokes[line] as string,
                points: { show: isFew, filter: lonely, fill: surface },
                ...STYLES[name],
            })),
        ],
        hooks: {
            setCursor: [
                (u) =>
                    current.current.onHover(
                        u.cursor.idx == null || (u.cursor.left ?? -1) < 0 ? null : (u.data[0][u.cursor.idx] ?? null),
                    ),
            ],
            setSelect: [(u) => select(u, current.current)],
            drawClear: [(u) => drawGaps(u, current.current.series.gaps, colour("raised"))],
            ready: [(u) => u.over.addEventListener("click", (event) => pick(u, event, current.current))],
        },
    };
}

/** One snapshot alone makes no line. */
const isFew = (u: uPlot): boolean => u.data[0].length < 3;

/** Which points are drawn beside the line; null: as `show` says. */
function lonely(u: uPlot, line: number): number[] | null {
    const found = alone(u.data[line] as (number | null)[]);
    return found.length ? found : null;
}

function whole({ onZoom }: ChartProps): null {
    onZoom(null);
    return null;
}

function select(u: uPlot, { onZoom }: ChartProps): void {
    const { left, width } = u.select;
    if (width < LEAST_DRAG) return;
    onZoom([Math.round(u.posToVal(left, "x")), Math.round(u.posToVal(left + width, "x"))]);
    u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
}

/** The click that ends a drag is none. */
function pick(u: uPlot, event: MouseEvent, { onPick }: ChartProps): void {
    const at = u.cursor.idx == null ? undefined : u.data[0][u.cursor.idx];
    if (at !== undefined && Math.abs(event.clientX - lastDown.x) < LEAST_DRAG) onPick(at);
}

const lastDown = { x: 0 };
addEventListener(
    "mousedown",
    (event) => {
        lastDown.x = event.clientX;
    },
    true,
);

function drawGaps(u: uPlot, gaps: [number, number][], fill: string): void {
    u.ctx.save();
    u.ctx.fillStyle = fill;
    for (const [from, to] of gaps) {
        const [left, right] = [from, to].map((at) => u.valToPos(at, "x", true)) as [number, number];
        u.ctx.fillRect(left, u.bbox.top, right - left, u.bbox.height);
    }
    u.ctx.restore();
}
