/** One cluster at the view's moment, as state: its index, and the snapshot that is shown. */
import { entryAt } from "../reading/days";
import { snapshotKey } from "../reading/keys";
import type { Library } from "../reading/library";
import type { Problem } from "../reading/problem";
import type { ClusterIndex } from "../types/derived";
import type { Snapshot } from "../types/model";
import { type Loaded, POLL_MS, useLoaded } from "./loading";

export interface Shown {
    snapshot: Snapshot;
    key: string;
    bytes: number;
    /** Days nearer to the moment that could not be read. */
    problems: Problem[];
}

export interface Cluster {
    name: string;
    index: Loaded<ClusterIndex>;
    shown: Loaded<Shown>;
}

export function useCluster(library: Library, name: string, t: string | null): Cluster {
    const index = useLoaded(`index ${name}`, () => library.index(name), { pollMs: POLL_MS });
    // A past moment needs the days of the index; without the index, the moment may still be a slot's own.
    const waits = t !== null && index.value === null && index.problem === null;
    const shown = useLoaded(
        waits ? null : `shown ${name} ${t ?? "latest"}`,
        () => (t === null ? live(library, name) : past(library, name, t, index.value)),
        { pollMs: t === null ? POLL_MS : null, keep: true },
    );
    return { name, index, shown: waits ? { ...shown, loading: true } : shown };
}

const lives = new WeakMap<Snapshot, Shown>();

/** The same object for the same snapshot, so that nothing is drawn again for it. */
async function live(library: Library, name: string): Promise<Shown> {
    const { value: snapshot, bytes } = await library.latest(name);
    const made = lives.get(snapshot) ?? { snapshot, bytes, key: snapshotKey(name, snapshot.slot), problems: [] };
    lives.set(snapshot, made);
    return made;
}

async function past(library: Library, name: string, t: string, index: ClusterIndex | null): Promise<Shown> {
    const found = index ? await entryAt(library, index, t) : { entry: { key: snapshotKey(name, t) }, problems: [] };
    const { value: snapshot, bytes } = await library.snapshot(name, found.entry.key);
    return { snapshot, bytes, key: found.entry.key, problems: found.problems };
}
