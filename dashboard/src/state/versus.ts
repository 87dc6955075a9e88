/** The snapshot that changes are held against, as state. */
import { duration } from "../logic/times";
import { entryAt, isoOf } from "../reading/days";
import { Problem } from "../reading/problem";
import type { ClusterIndex } from "../types/derived";
import type { Snapshot } from "../types/model";
import { type Loaded, useLoaded } from "./loading";
import { usePage } from "./page";

export interface Versus {
    snapshot: Snapshot;
    /** Days nearer to the moment that could not be read. */
    problems: Problem[];
}

/** `versus` is a duration before the shown snapshot, or a slot. What was held against it stays while another is read. */
export function useVersus(snapshot: Snapshot, index: ClusterIndex | null, versus: string): Loaded<Versus> {
    const { library } = usePage();
    const before = duration(versus);
    const at = before === null ? versus : isoOf(Date.parse(snapshot.slot) - before);
    const load = async () => {
        if (!index) throw new Problem("missing", "", "the cluster's index");
        const { entry, problems } = await entryAt(library, index, at);
        if (entry.slot === snapshot.slot) return { snapshot, problems };
        return { snapshot: (await library.snapshot(index.cluster, entry.key)).value, problems };
    };
    return useLoaded(index && `versus ${index.cluster} ${at}`, load, { keep: true });
}
