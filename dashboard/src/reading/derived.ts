/** Parsed derived documents in, their types out, or Damage. What is missing is null, never 0. */
import type { ClusterIndex, Clusters, DayIndex, End, Entry, Point, SmallResource, SmallTotals } from "../types/derived";
import { array, Damage, integer, known, object, type Raw, slot, text, textOrNull } from "./checks";
import { isDate, snapshotKey } from "./keys";

const SMALL = ["allocatable", "requests", "limits", "usage"] as const;

export function asClusters(value: unknown): Clusters {
    const raw = known(value);
    return { schema: 1, clusters: array(raw.clusters, "clusters").map((name) => text(name, "a cluster's name")) };
}

export function asClusterIndex(value: unknown, cluster: string): ClusterIndex {
    const raw = known(value);
    same(raw.cluster, cluster);
    return {
        schema: 1,
        cluster,
        days: array(raw.days, "days").map(date).sort(),
        first: raw.first == null ? null : end(raw.first, cluster),
        last: end(raw.last, cluster),
        totals: smallTotals(raw.totals),
        recent: array(raw.recent ?? [], "recent").map(point),
    };
}

export function asDayIndex(value: unknown, cluster: string, day: string): DayIndex {
    const raw = known(value);
    same(raw.cluster, cluster);
    if (raw.date !== day) throw new Damage(`it is about ${String(raw.date)}`);
    const snapshots = array(raw.snapshots, "snapshots").map((each) => entry(each, cluster, day));
    return { schema: 1, cluster, date: day, snapshots: snapshots.sort((a, b) => (a.slot < b.slot ? -1 : 1)) };
}

function same(found: unknown, cluster: string): void {
    if (found !== cluster) throw new Damage(`it is about cluster ${String(found)}`);
}

function date(value: unknown): string {
    const found = text(value, "a day");
    if (!isDate(found)) throw new Damage("a day is no date");
    return found;
}

function point(value: unknown): Point {
    const raw = object(value, "a point");
    return { slot: slot(raw.slot, "a slot"), totals: smallTotals(raw.totals) };
}

/** The key is made from the slot, so that no index can send the page elsewhere. */
function end(value: unknown, cluster: string): End {
    const raw = object(value, "first or last");
    const at = slot(raw.slot, "a slot");
    return {
        slot: at,
        key: snapshotKey(cluster, at),
        taken_at: raw.taken_at == null ? null : slot(raw.taken_at, "taken_at"),
    };
}

function entry(value: unknown, cluster: string, day: string): Entry {
    const raw = object(value, "a line");
    const at = end(raw, cluster);
    if (!at.slot.startsWith(day)) throw new Damage(`${at.slot} is of another day`);
    return {
        ...at,
        trigger: textOrNull(raw.trigger, "trigger"),
        source: textOrNull(raw.source, "source"),
        usage: textOrNull(raw.usage, "usage"),
        totals: smallTotals(raw.totals),
    };
}

function smallTotals(value: unknown): SmallTotals {
    const raw = object(value, "totals");
    const nodes = object(raw.nodes, "totals.nodes");
    const count = (name: string) => integer(nodes[name], `totals.nodes.${name}`);
    return {
        nodes: { count: count("count"), ready: count("ready"), schedulable: count("schedulable") },
        pods: { counted: integer(object(raw.pods, "totals.pods").counted, "totals.pods.counted") },
        resources: smallResources(object(raw.resources, "totals.resources")),
    };
}

function smallResources(raw: Raw): Record<string, SmallResource> {
    const made: Record<string, SmallResource> = Object.create(null);
    for (const name in raw) {
        const figures = object(raw[name], name);
        const small = {} as SmallResource;
        for (const figure of SMALL) small[figure] = integer(figures[figure], `${name} ${figure}`);
        made[name] = small;
    }
    return made;
}
