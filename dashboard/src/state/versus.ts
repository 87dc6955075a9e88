/** The snapshot that changes are held against, as state. */
import { duration } from "../logic/times";
import { entryAt, isoOf } from "../reading/days";
import { Problem } from "../reading/problem";
import type { ClusterIndex } from "../types/derived";
import type { Snapshot } from "../types/model";
import { type Loaded, useLoaded } from "./loading";
import { usePage } from "./page";

/** `versus` is a duration before the shown snapshot, or a slot. */
export function useVersus(snapshot: Snapshot, index: ClusterIndex | null, versus: string): Loaded<Snapshot> {
    const { library } = usePage();
    const before = duration(versus);
    const at = before === null ? versus : isoOf(Date.parse(snapshot.slot) - before);
    return useLoaded(index && `versus ${index.cluster} ${at}`, async () => {
        if (!index) throw new Problem("missing", "", "the cluster's index");
        const { entry } = await entryAt(library, index, at);
        if (entry.slot === snapshot.slot) return snapshot;
        return (await library.snapshot(index.cluster, entry.key)).value;
    });
}
