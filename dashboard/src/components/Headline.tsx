/** Six numbers of a cluster, each with its change against 24 h ago. */
import { useMemo } from "preact/hooks";
import { type Headline as HeadlineNumber, headlineOf } from "../logic/headline";
import { nearest } from "../logic/series";
import { harmless } from "../logic/text";
import { DAY } from "../logic/times";
import { usePage } from "../state/page";
import { useSpan } from "../state/span";
import type { ClusterIndex, SmallTotals } from "../types/derived";

const TOLERANCE = DAY / 24; // a snapshot within an hour of 24 h ago stands for it
const LABELS = ["nodes", "pods", "cpu requests", "memory requests", "cpu usage", "memory usage"];

interface Props {
    index: ClusterIndex | null;
    totals: SmallTotals | null;
    /** When the totals are of. */
    at: number;
    /** Why usage is unknown. */
    reason: string | null;
}

export function Headline({ index, totals, at, reason }: Props) {
    const { library } = usePage();
    const yesterday = at - DAY;
    const span = useSpan(library, index, yesterday - TOLERANCE, yesterday + TOLERANCE).value;
    const before = span && nearest(span.entries, yesterday, TOLERANCE);
    const numbers = useMemo(() => totals && headlineOf(totals, before?.totals ?? null), [totals, before]);
    if (!numbers) return <Waiting />;
    return (
        <dl class="headline">
            {numbers.map((number) => (
                <One key={number.label} number={number} reason={number.big === "?" ? reason : null} />
            ))}
        </dl>
    );
}

function One({ number, reason }: { number: HeadlineNumber; reason: string | null }) {
    return (
        <div title={reason ? `${number.hover}: ${harmless(reason)}` : number.hover}>
            <dt>{number.label}</dt>
            <dd>
                <b class={number.bad ? "bad" : ""}>{number.big}</b>
                <span class="quiet">{reason ? `unknown: ${harmless(reason)}` : number.small}</span>
                <span class="change" title="against 24 h ago">
                    {number.change === null ? "24 h ago: unknown" : `${number.change} in 24 h`}
                </span>
            </dd>
        </div>
    );
}

function Waiting() {
    return (
        <dl class="headline" aria-busy="true">
            {LABELS.map((label) => (
                <div key={label}>
                    <dt>{label}</dt>
                    <dd>
                        <b>
                            <span class="skeleton" />
                        </b>
                        <span>&nbsp;</span>
                        <span>&nbsp;</span>
                    </dd>
                </div>
            ))}
        </dl>
    );
}
