/** The totals of a stretch of time, as state: what charts and the strip of a day are drawn from. */
import { useMemo } from "preact/hooks";
import { isoOf, readSpan, type Span } from "../reading/days";
import type { Library } from "../reading/library";
import type { ClusterIndex } from "../types/derived";
import { type Loaded, useLoaded } from "./loading";

/** Read again when the index names a newer snapshot; the old span stays on the screen meanwhile. */
export function useSpan(library: Library, index: ClusterIndex | null, from: number, to: number): Loaded<Span> {
    const key = index && `span ${index.cluster} ${isoOf(from)} ${isoOf(to)} ${index.last.slot}`;
    return useLoaded(key, () => readSpan(library, index as ClusterIndex, from, to), { keep: true });
}

/** The end of what is shown: the moment, or the newest snapshot. */
export const useEnd = (index: ClusterIndex | null, t: string | null): number =>
    useMemo(() => Date.parse(t ?? index?.last.slot ?? isoOf(Date.now())), [t, index?.last.slot]);
