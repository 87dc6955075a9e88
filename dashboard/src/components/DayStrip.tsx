/** A day as a strip: a mark for each snapshot, gaps shaded. A click goes to the nearest snapshot. */
import { hoursOf, nearestMark, stripOf } from "../logic/strip";
import { count } from "../logic/text";
import { DAY, dayBounds, shortDate } from "../logic/times";
import { usePage } from "../state/page";
import { useSpan } from "../state/span";
import type { ClusterIndex, Entry } from "../types/derived";

const [WIDTH, HEIGHT] = [300, 34];

interface Props {
    index: ClusterIndex;
    day: number;
    at: number;
    /** null: the newest, which is live. */
    onPick: (slot: string | null) => void;
}

/** With the first and the last of all: what lies between two read days is a gap, or not read. */
function slotsOf({ first, last }: ClusterIndex, entries: readonly Entry[]): string[] {
    const ends = [first, last].flatMap((end) => end?.slot ?? []);
    return [...new Set([...ends, ...entries.map((entry) => entry.slot)])].sort();
}

export function DayStrip({ index, day, at, onPick }: Props) {
    const { library, settings } = usePage();
    const bounds = dayBounds(day, settings.zone);
    const { value: span, loading } = useSpan(library, index, bounds[0] - DAY, bounds[1] + DAY);
    const strip = stripOf(slotsOf(index, span?.entries ?? []), bounds);
    const here = (at - bounds[0]) / (bounds[1] - bounds[0]);
    const found = `${count(strip.marks.length, "snapshot")}, ${count(strip.gaps.length, "gap")}`;
    const words = `${shortDate(day, settings.zone)}: ${loading ? "reading…" : found}`;
    const clicked = (event: MouseEvent) => {
        const box = (event.currentTarget as Element).getBoundingClientRect();
        const slot = nearestMark(strip, (event.clientX - box.left) / box.width);
        if (slot) onPick(slot === index.last.slot ? null : slot);
    };
    return (
        <>
            {/* biome-ignore lint/a11y/useKeyWithClickEvents: the date and the time below do the same by keyboard */}
            <svg class="strip" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={words} onClick={clicked}>
                {strip.gaps.map(([from, to]) => (
                    <rect key={from} class="strip-gap" x={from * WIDTH} width={(to - from) * WIDTH} y="0" height="22" />
                ))}
                {strip.marks.map((mark) => (
                    <line key={mark.slot} x1={mark.at * WIDTH} x2={mark.at * WIDTH} y1="5" y2="22" />
                ))}
                {here >= 0 && here < 1 && <path class="strip-here" d={`M${here * WIDTH} 0v24`} />}
                {hoursOf(bounds, settings.zone).map(({ hour, at }) => (
                    <text key={hour} x={at * WIDTH + 1} y="33">
                        {hour}
                    </text>
                ))}
            </svg>
            <small>
                {words}
                {span?.problems.length ? "; its index cannot be read" : ""}
            </small>
        </>
    );
}
