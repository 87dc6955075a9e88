/** Six numbers of a cluster, each with its change against 24 h ago. */
import { useMemo } from "preact/hooks";
import { changeWords, type Headline as HeadlineNumber, headlineOf } from "../logic/headline";
import { nearest } from "../logic/series";
import { count, harmless } from "../logic/text";
import { DAY } from "../logic/times";
import { usePage } from "../state/page";
import { useSpan } from "../state/span";
import type { ClusterIndex, SmallTotals } from "../types/derived";
import type { Usage } from "../types/model";

const TOLERANCE = DAY / 24; // a snapshot within an hour of 24 h ago stands for it
const LABELS = ["nodes", "pods", "cpu requests", "memory requests", "cpu usage", "memory usage"];

interface Props {
    index: ClusterIndex | null;
    totals: SmallTotals | null;
    /** When the totals are of. */
    at: number;
    usage: Usage | null;
}

export function Headline({ index, totals, at, usage }: Props) {
    const { library } = usePage();
    const yesterday = at - DAY;
    const { value: span, loading } = useSpan(library, index, yesterday - TOLERANCE, yesterday + TOLERANCE);
    const before = span && nearest(span.entries, yesterday, TOLERANCE);
    const numbers = useMemo(() => totals && headlineOf(totals, before?.totals ?? null), [totals, before]);
    if (!numbers) return <Waiting />;
    return (
        <dl class="headline">
            {numbers.map((number) => (
                <One
                    key={number.label}
                    number={number}
                    usage={number.unmeasured ? usage : null}
                    isReading={loading && !span}
                />
            ))}
        </dl>
    );
}

interface OneProps {
    number: HeadlineNumber;
    usage: Usage | null;
    /** Whether what was 24 h ago is still being read. */
    isReading: boolean;
}

function One({ number, usage, isReading }: OneProps) {
    return (
        <div title={usage?.reason ? `${number.hover}: ${harmless(usage.reason)}` : number.hover}>
            <dt>{number.label}</dt>
            <dd>
                <b class={number.bad === "big" ? "bad" : ""}>{number.big}</b>
                <span class={number.bad === "small" ? "bad" : "quiet"}>
                    {(usage ? unknownFor(usage) : number.small) || "\u00a0"}
                </span>
                <span class="change" title="against 24 h ago">
                    {(!isReading && changeWords(number)) || "\u00a0"}
                </span>
            </dd>
        </div>
    );
}

/** Short: the reason stands in a notice above, and in the hover text. */
function unknownFor({ status, missing_nodes }: Usage): string {
    if (missing_nodes.length) return `unknown for ${count(missing_nodes.length, "node")}`;
    return status === "ok" ? "unknown for a node" : `unknown: ${harmless(status)}`;
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
