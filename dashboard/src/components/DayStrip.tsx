/** A day as a strip: a mark for each snapshot, gaps shaded. A click goes to the nearest snapshot. */
import { nearestMark, stripOf } from "../logic/strip";
import { count } from "../logic/text";
import { dayBounds, shortDate } from "../logic/times";
import { usePage } from "../state/page";
import { useSpan } from "../state/span";
import type { ClusterIndex } from "../types/derived";

const [WIDTH, HEIGHT] = [300, 34];

interface Props {
    index: ClusterIndex;
    day: number;
    at: number;
    onPick: (slot: string) => void;
}

export function DayStrip({ index, day, at, onPick }: Props) {
    const { library, settings } = usePage();
    const bounds = dayBounds(day, settings.zone);
    const span = useSpan(library, index, bounds[0], bounds[1] - 1000).value;
    const strip = stripOf(span?.entries.map((entry) => entry.slot) ?? [], bounds);
    const here = (at - bounds[0]) / (bounds[1] - bounds[0]);
    const words = `${shortDate(day, settings.zone)}: ${count(strip.marks.length, "snapshot")}, ${count(strip.gaps.length, "gap")}`;
    const clicked = (event: MouseEvent) => {
        const box = (event.currentTarget as Element).getBoundingClientRect();
        const slot = nearestMark(strip, (event.clientX - box.left) / box.width);
        if (slot) onPick(slot);
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
                {[0, 6, 12, 18].map((hour) => (
                    <text key={hour} x={(hour / 24) * WIDTH + 1} y="33">
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
