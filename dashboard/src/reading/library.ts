/** What has been read of the store, and how: each document once, asked for again when it may have changed. */
import type { ClusterIndex, Clusters, DayIndex } from "../types/derived";
import type { Snapshot } from "../types/model";
import { asSnapshot, Damage, Newer } from "./checks";
import { asClusterIndex, asClusters, asDayIndex } from "./derived";
import { type Fetched, fetchDocument } from "./fetching";
import { CLUSTERS_KEY, dayKey, indexKey, isClusterName, latestKey } from "./keys";
import { Problem } from "./problem";

const CURRENT_MS = 29_000; // the store's own cache header is 30 s: asking more often can bring nothing new
const PAST_DAY_MS = 600_000; // a day that is over changes only by a backfill or a repair
const LARGE_BYTES = 100_000; // some 1,000 nodes: 20 ms to parse
const SNAPSHOTS_HELD = 6; // 5,000 nodes are some 20 MB of objects

export interface Held<T> {
    value: T;
    /** Stored bytes: what reading it cost. */
    bytes: number;
}

interface Kept extends Held<unknown> {
    etag: string | null;
    at: number;
}

type Fetch = typeof fetchDocument;

export class Library {
    private readonly kept = new Map<string, Kept>();
    private readonly reading = new Map<string, Promise<Kept>>();
    private readonly snapshots = new Map<string, Promise<Held<Snapshot>>>();

    constructor(
        private readonly fetch: Fetch = fetchDocument,
        private readonly now: () => number = Date.now,
    ) {}

    clusters(): Promise<Clusters> {
        return this.value(CLUSTERS_KEY, asClusters, CURRENT_MS);
    }

    async index(cluster: string): Promise<ClusterIndex> {
        return this.value(indexKey(named(cluster)), (raw) => asClusterIndex(raw, cluster), CURRENT_MS);
    }

    async day(cluster: string, date: string): Promise<Held<DayIndex>> {
        const isPast = Date.parse(date) + 86_400_000 < this.now();
        const check = (raw: unknown) => asDayIndex(raw, cluster, date);
        return (await this.read(
            dayKey(named(cluster), date),
            check,
            isPast ? PAST_DAY_MS : CURRENT_MS,
        )) as Held<DayIndex>;
    }

    async latest(cluster: string): Promise<Held<Snapshot>> {
        const check = (raw: unknown) => ofCluster(asSnapshot(raw), cluster);
        return (await this.read(latestKey(named(cluster)), check, CURRENT_MS)) as Held<Snapshot>;
    }

    /** A snapshot by its key: immutable, so read once; the last few are held. */
    snapshot(cluster: string, key: string): Promise<Held<Snapshot>> {
        const found = this.snapshots.get(key);
        this.snapshots.delete(key);
        const reading = found ?? this.fetchSnapshot(cluster, key);
        this.snapshots.set(key, reading);
        reading.catch(() => this.snapshots.delete(key));
        for (const old of this.snapshots.keys()) {
            if (this.snapshots.size <= SNAPSHOTS_HELD) break;
            this.snapshots.delete(old);
        }
        return reading;
    }

    /** A snapshot that is read and let go. */
    async fetchSnapshot(cluster: string, key: string): Promise<Held<Snapshot>> {
        const fetched = (await this.fetch(key)) as Fetched;
        await breath(fetched);
        const value = checked(key, fetched.value, (raw) => ofCluster(asSnapshot(raw), cluster));
        await breath(fetched);
        return { value, bytes: fetched.bytes };
    }

    private async value<T>(key: string, check: (raw: unknown) => T, maxAge: number): Promise<T> {
        return (await this.read(key, check, maxAge)).value as T;
    }

    private read(key: string, check: (raw: unknown) => unknown, maxAge: number): Promise<Kept> {
        const kept = this.kept.get(key);
        if (kept && this.now() - kept.at < maxAge) return Promise.resolve(kept);
        const already = this.reading.get(key);
        if (already) return already;
        const reading = this.revalidate(key, check, kept).finally(() => this.reading.delete(key));
        this.reading.set(key, reading);
        return reading;
    }

    private async revalidate(key: string, check: (raw: unknown) => unknown, kept: Kept | undefined): Promise<Kept> {
        const fetched = await this.fetch(key, { revalidate: true, known: kept?.etag ?? null });
        if (fetched === null && kept) {
            const same = { ...kept, at: this.now() };
            this.kept.set(key, same);
            return same;
        }
        const { value, etag, bytes } = fetched as Fetched;
        await breath({ bytes });
        const made = { value: checked(key, value, check), etag, bytes, at: this.now() };
        this.kept.set(key, made);
        await breath({ bytes });
        return made;
    }
}

/** A large document is parsed, checked and drawn in tasks of their own: between them the page can answer. */
const breath = ({ bytes }: { bytes: number }): Promise<void> | undefined =>
    bytes < LARGE_BYTES ? undefined : new Promise((resolve) => setTimeout(resolve));

function named(cluster: string): string {
    if (!isClusterName(cluster)) throw new Problem("missing", "", "that is not the name of a cluster");
    return cluster;
}

function ofCluster(snapshot: Snapshot, cluster: string): Snapshot {
    if (snapshot.cluster !== cluster) throw new Damage(`it is about cluster ${snapshot.cluster}`);
    return snapshot;
}

function checked<T>(key: string, raw: unknown, check: (raw: unknown) => T): T {
    try {
        return check(raw);
    } catch (error) {
        if (error instanceof Newer) throw new Problem("newer", key, error.message);
        if (error instanceof Damage) throw new Problem("damaged", key, error.message);
        throw error;
    }
}
