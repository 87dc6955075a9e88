/** Charts of a cluster over time: cpu, memory and one of the reader's choice, under one hairline. */
import { useMemo, useState } from "preact/hooks";
import { unitOf } from "../logic/amounts";
import { quoted, storeOf } from "../logic/command";
import { documentName } from "../logic/notices";
import { nearest, type Series, type Subject, seriesOf } from "../logic/series";
import { count, grouped, harmless, size } from "../logic/text";
import { duration } from "../logic/times";
import { RANGES } from "../logic/url";
import type { Span } from "../reading/days";
import { usePage } from "../state/page";
import { useSpan } from "../state/span";
import type { ClusterIndex } from "../types/derived";
import { Copyable } from "./Copyable";
import { Figure } from "./Figure";

export function Charts({ index, end }: { index: ClusterIndex; end: number }) {
    const { view, go, library } = usePage();
    const range: [number, number] = [end - (duration(view.range) as number), end];
    const span = view.zoom ?? [range[0] / 1000, range[1] / 1000];
    // what was zoomed into stays whole when the moment moves into it
    const [from, to] = [Math.min(range[0], span[0] * 1000), Math.max(range[1], span[1] * 1000)];
    const loaded = useSpan(library, index, from, to);
    const entries = loaded.value?.entries;
    const [hover, setHover] = useState<number | null>(null);
    const subjects = subjectsOf(view.chart);
    const series = useMemo(
        () => subjects.map((subject) => seriesOf(entries ?? [], subject, loaded.value?.slots)),
        [entries, view.chart],
    );
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
                        title={titleOf(subject)}
                        heading={at === 2 ? <Chooser index={index} /> : <h2>{titleOf(subject)}</h2>}
                        series={series[at] as Series}
                        hover={hover}
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
    return `${harmless(subject.name)}${unit && ` (${unit})`}`;
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
                    {name === "nodes" ? name : titleOf({ kind: "resource", name })}
                </option>
            ))}
        </select>
    );
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
