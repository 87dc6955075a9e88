/** Charts of a cluster over time: cpu, memory and one of the reader's choice, under one hairline. */
import { useMemo, useState } from "preact/hooks";
import { decimal, unitOf } from "../logic/amounts";
import { quoted, storeOf } from "../logic/command";
import { documentName } from "../logic/notices";
import { extent, type Line, nearest, type Series, type Subject, seriesOf } from "../logic/series";
import { count, grouped, harmless, size, UNKNOWN } from "../logic/text";
import { duration, shortTime } from "../logic/times";
import { RANGES } from "../logic/url";
import type { Span } from "../reading/days";
import { usePage } from "../state/page";
import { useSpan } from "../state/span";
import type { ClusterIndex } from "../types/derived";
import { Chart } from "./Chart";
import { Copyable } from "./Copyable";

export function Charts({ index, end }: { index: ClusterIndex; end: number }) {
    const { view, go, library } = usePage();
    const from = end - (duration(view.range) as number);
    const loaded = useSpan(library, index, from, end);
    const entries = loaded.value?.entries;
    const [hover, setHover] = useState<number | null>(null);
    const subjects = subjectsOf(view.chart);
    const series = useMemo(() => subjects.map((subject) => seriesOf(entries ?? [], subject)), [entries, view.chart]);
    const span: [number, number] = view.zoom ?? [from / 1000, end / 1000];
    const pick = (seconds: number) => {
        const found = nearest(entries ?? [], seconds * 1000, Number.POSITIVE_INFINITY);
        if (found) go({ t: found.slot === index.last.slot ? null : found.slot });
    };
    return (
        <section class="charts" aria-label="Charts over time" aria-busy={loaded.loading}>
            <div class="charts-row">
                {subjects.map((subject, at) => (
                    <Figure
                        key={at === 2 ? "third" : titleOf(subject)}
                        subject={subject}
                        series={series[at] as Series}
                        hover={hover}
                        chooser={at === 2 ? <Chooser index={index} /> : null}
                        isLoading={loaded.loading}
                        span={span}
                        onHover={setHover}
                        onZoom={(zoom) => go({ zoom })}
                        onPick={pick}
                    />
                ))}
            </div>
            <Foot span={loaded.value} loading={loaded.loading} />
        </section>
    );
}

function subjectsOf(chart: string | null): Subject[] {
    const third: Subject =
        chart === "nodes" ? { kind: "nodes" } : chart ? { kind: "resource", name: chart } : { kind: "pods" };
    return [{ kind: "resource", name: "cpu" }, { kind: "resource", name: "memory" }, third];
}

function titleOf(subject: Subject): string {
    if (subject.kind !== "resource") return subject.kind;
    const unit = unitOf(subject.name);
    return `${harmless(subject.name)}${unit ? ` (${unit})` : ""}`;
}

/** Which third chart: pods, nodes, or another resource of this cluster. */
function Chooser({ index }: { index: ClusterIndex }) {
    const { view, go } = usePage();
    const others = Object.keys(index.totals.resources)
        .filter((name) => !["cpu", "memory", "pods"].includes(name))
        .sort();
    return (
        <select
            class="bare"
            aria-label="What the third chart shows"
            value={view.chart ?? "pods"}
            onChange={(event) => go({ chart: event.currentTarget.value === "pods" ? null : event.currentTarget.value })}
        >
            {["pods", "nodes", ...others].map((name) => (
                <option key={name} value={name}>
                    {harmless(name)}
                </option>
            ))}
        </select>
    );
}

interface FigureProps {
    subject: Subject;
    series: Series;
    hover: number | null;
    chooser: preact.ComponentChildren;
    isLoading: boolean;
    span: [number, number];
    onHover: (at: number | null) => void;
    onZoom: (span: [number, number] | null) => void;
    onPick: (seconds: number) => void;
}

function Figure({ subject, series, hover, chooser, isLoading, ...rest }: FigureProps) {
    const { settings, dark } = usePage();
    const title = titleOf(subject);
    const nothing = isLoading ? null : nothingIn(series);
    const at = hover === null ? -1 : series.times.indexOf(hover);
    return (
        <figure>
            <figcaption>
                {chooser ?? <h2>{title}</h2>}
                <span class="quiet when">{at >= 0 ? shortTime((hover as number) * 1000, settings.zone) : ""}</span>
                <span class="keys-row">
                    {series.lines.toReversed().map((line) => (
                        <Key key={line.name} line={line} at={at} />
                    ))}
                </span>
            </figcaption>
            {nothing && <p class="chart-nothing quiet">{nothing}</p>}
            <Chart series={series} zone={settings.zone} dark={dark} label={words(title, series)} {...rest} />
        </figure>
    );
}

/** Why a chart is empty; null where it is not. */
function nothingIn({ times, lines }: Series): string | null {
    if (!times.length) return "no snapshot in this range";
    return lines.some((line) => extent(line)) ? null : "unknown in this range";
}

/** A line's name, with its value under the hairline, or its last one. */
function Key({ line, at }: { line: Line; at: number }) {
    const value = at >= 0 ? line.values[at] : line.values.at(-1);
    return (
        <span class="key">
            <i class={`line-sign ${line.name}`} aria-hidden="true" />
            {line.name} <b>{value == null ? UNKNOWN : short(value)}</b>
        </span>
    );
}

const short = (value: number): string => (Number.isInteger(value) ? grouped(value) : decimal(value));

function words(title: string, series: Series): string {
    if (!series.times.length) return `${title}: no snapshot in this range`;
    const parts = series.lines.map((line) => {
        const found = extent(line);
        if (!found) return `${line.name} unknown`;
        const last = found.last === null ? "unknown at the end" : `last ${short(found.last)}`;
        return `${line.name} ${short(found.least)} to ${short(found.most)}, ${last}`;
    });
    return `${title}: ${parts.join("; ")}; ${count(series.gaps.length, "gap")}`;
}

/** The ranges, and what it cost to read this one. */
function Foot({ span, loading }: { span: Span | null; loading: boolean }) {
    const { view, go } = usePage();
    return (
        <div class="charts-foot">
            <div class="choices" role="group" aria-label="Range of the charts">
                {RANGES.map((range) => (
                    <button
                        key={range}
                        type="button"
                        aria-pressed={view.range === range}
                        onClick={() => go({ range, zoom: null })}
                    >
                        {range}
                    </button>
                ))}
            </div>
            {view.zoom && (
                <button type="button" onClick={() => go({ zoom: null })}>
                    Whole range
                </button>
            )}
            <span class="quiet">{loading ? "reading…" : span && said(span)}</span>
            {span?.problems.map((problem) => (
                <span key={problem.key} class="bad">
                    {documentName(problem.key)} cannot be read ({harmless(problem.detail)}); other days can
                </span>
            ))}
            {span && span.problems.length > 0 && (
                <Copyable text={`nodetally store repair --store ${quoted(storeOf(location.href))}`} />
            )}
        </div>
    );
}

function said({ entries, documents, bytes, unread }: Span): string {
    const left = unread.length ? `; ${count(unread.length, "older day")} left out: too large to read here` : "";
    const days = documents === 1 ? "1 day index" : `${grouped(documents)} day indexes`;
    return `${count(entries.length, "snapshot")} from ${days}, ${size(bytes)}${left}`;
}
