/** A chart with its heading, the key of its lines, and its words: what is in sight of it, or that there is nothing. */
import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";
import { decimal } from "../logic/amounts";
import { extent, inside, type Line, type Series } from "../logic/series";
import { count, grouped, UNKNOWN } from "../logic/text";
import { shortTime } from "../logic/times";
import { usePage } from "../state/page";
import { Chart, type ChartProps } from "./Chart";

interface Props extends Omit<ChartProps, "zone" | "dark" | "label"> {
    /** What the chart is about, for those who do not see it. */
    title: string;
    heading: ComponentChildren;
    hover: number | null;
    isLoading: boolean;
}

export function Figure({ title, heading, hover, isLoading, ...rest }: Props) {
    const { settings, dark } = usePage();
    const { series, span } = rest;
    const seen = useMemo(() => inside(series, span), [series, span[0], span[1]]);
    const nothing = isLoading ? null : nothingIn(seen);
    const at = hover === null ? -1 : series.times.indexOf(hover);
    const value = (line: number) => (at < 0 ? seen.lines[line]?.values.at(-1) : series.lines[line]?.values[at]);
    return (
        <figure>
            <figcaption>
                {heading}
                <span class="quiet when">{at >= 0 ? shortTime((hover as number) * 1000, settings.zone) : ""}</span>
                <span class="keys-row">
                    {series.lines
                        .map(({ name }, number) => <Key key={name} name={name} value={value(number) ?? null} />)
                        .reverse()}
                </span>
            </figcaption>
            {nothing && <p class="chart-nothing quiet">{nothing}</p>}
            <Chart zone={settings.zone} dark={dark} label={words(title, seen)} {...rest} />
        </figure>
    );
}

/** Why a chart is empty; null where it is not. */
function nothingIn({ times, lines }: Series): string | null {
    if (!times.length) return "no snapshot in this range";
    return lines.some((line) => extent(line)) ? null : "unknown in this range";
}

/** A line's name, with its value under the hairline, or its last one in sight. */
const Key = ({ name, value }: { name: Line["name"]; value: number | null }) => (
    <span class="key">
        <i class={`line-sign ${name}`} aria-hidden="true" />
        {name} <b>{value === null ? UNKNOWN : short(value)}</b>
    </span>
);

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
