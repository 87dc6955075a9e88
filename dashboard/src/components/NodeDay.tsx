/** A node's last day, from a bounded number of snapshots; says how many bytes that took, and asks first when it is much. */
import { useEffect, useMemo, useState } from "preact/hooks";
import { unitOf } from "../logic/amounts";
import { FREE_BYTES, nodeSeries, pick, type Sighting } from "../logic/nodeday";
import { count, size } from "../logic/text";
import { DAY } from "../logic/times";
import type { Shown } from "../state/cluster";
import { usePage } from "../state/page";
import { useSpan } from "../state/span";
import type { ClusterIndex, Entry } from "../types/derived";
import { Figure } from "./Figure";

const AT_ONCE = 3; // snapshots read together: each is parsed whole, for one node

interface Props {
    name: string;
    shown: Shown;
    index: ClusterIndex;
}

export function NodeDay({ name, shown, index }: Props) {
    const { library, go } = usePage();
    const end = Date.parse(shown.snapshot.slot);
    const span = useSpan(library, index, end - DAY, end).value;
    const chosen = useMemo(() => pick(span?.entries ?? [], shown.bytes), [span, shown.bytes]);
    const estimate = chosen.length * shown.bytes;
    const [wanted, setWanted] = useState(false);
    const [hover, setHover] = useState<number | null>(null);
    const day = useDay(name, shown, chosen, wanted || estimate <= FREE_BYTES);
    const series = useMemo(
        () => ["cpu", "memory"].map((resource) => nodeSeries(day.sightings, resource)),
        [day.sightings],
    );
    if (!span) return <p class="quiet">Looking for the day's snapshots…</p>;
    if (!wanted && estimate > FREE_BYTES) {
        return (
            <p>
                <button type="button" onClick={() => setWanted(true)}>
                    Read the last 24 hours
                </button>{" "}
                <span class="quiet">
                    {count(chosen.length, "snapshot")} of {span.entries.length}, about {size(estimate)}
                </span>
            </p>
        );
    }
    const show = (seconds: number) => {
        const found = chosen.find((entry) => Date.parse(entry.slot) === seconds * 1000);
        if (found) go({ t: found.slot === index.last.slot ? null : found.slot });
    };
    return (
        <>
            {["cpu", "memory"].map((resource, at) => (
                <Figure
                    key={resource}
                    title={`${resource} of this node over the last 24 hours`}
                    heading={
                        <span>
                            {resource} ({unitOf(resource)})
                        </span>
                    }
                    series={series[at] as (typeof series)[number]}
                    hover={hover}
                    isLoading={day.done < chosen.length}
                    span={[(end - DAY) / 1000, end / 1000]}
                    onHover={setHover}
                    onZoom={() => {}}
                    onPick={show}
                />
            ))}
            <small aria-live="polite">
                {day.done < chosen.length ? `reading ${day.done} of ${chosen.length}; ` : ""}
                {count(day.sightings.length, "snapshot")} of {span.entries.length} in 24 h, {size(day.bytes)} read
                {day.failed ? `; ${count(day.failed, "snapshot")} could not be read` : ""}
            </small>
        </>
    );
}

interface Day {
    sightings: Sighting[];
    bytes: number;
    done: number;
    failed: number;
}

const NOTHING: Day = { sightings: [], bytes: 0, done: 0, failed: 0 };

/** Newest first, so that the end of the line is there at once. */
function useDay(name: string, shown: Shown, entries: readonly Entry[], isWanted: boolean): Day {
    const { library } = usePage();
    const [day, setDay] = useState(NOTHING);
    const { cluster } = shown.snapshot;
    useEffect(() => {
        if (!isWanted) return;
        let isOver = false;
        const found = (snapshot: Shown["snapshot"]) => snapshot.nodes.find((node) => node.name === name) ?? null;
        const readAll = async () => {
            let made = NOTHING;
            const rest = [...entries].reverse();
            while (rest.length && !isOver) {
                const batch = rest.splice(0, AT_ONCE);
                const read = await Promise.all(
                    batch.map(async ({ slot, key }) => {
                        if (key === shown.key) return { slot, node: found(shown.snapshot), bytes: 0 };
                        const held = await library.fetchSnapshot(cluster, key).catch(() => null);
                        return held ? { slot, node: found(held.value), bytes: held.bytes } : null;
                    }),
                );
                const good = read.filter((each) => each !== null);
                made = {
                    sightings: [...good, ...made.sightings].sort((a, b) => (a.slot < b.slot ? -1 : 1)),
                    bytes: made.bytes + good.reduce((sum, each) => sum + each.bytes, 0),
                    done: made.done + batch.length,
                    failed: made.failed + batch.length - good.length,
                };
                if (!isOver) setDay(made);
            }
        };
        void readAll();
        return () => {
            isOver = true;
        };
    }, [name, entries, isWanted, cluster, shown.key, library]);
    return day;
}
