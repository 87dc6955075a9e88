/** Namespaces in, rows of their table out: what they ask for, and their share of the cluster. Pure. */
import type { Place, Totals } from "../types/model";
import { ratio } from "./amounts";
import { type Sort, sortBy } from "./arrange";
import type { Value } from "./columns";

export interface PlaceColumn {
    key: string;
    title: string;
    resource: string | null;
    part: "requests" | "limits" | "share" | null;
    value: (place: Place) => Value;
}

const asked = (place: Place, resource: string, part: "requests" | "limits"): number | null =>
    Object.hasOwn(place.resources, resource) ? (place.resources[resource]?.[part] ?? null) : 0;

/** cpu and memory first, then whatever else the namespaces ask for. */
export function placeColumns(places: readonly Place[], totals: Totals): PlaceColumn[] {
    const names = new Set(["cpu", "memory"]);
    for (const place of places) for (const name in place.resources) names.add(name);
    const rank = (name: string) => (name === "cpu" ? 0 : name === "memory" ? 1 : 2);
    const ordered = [...names].sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
    const allocatable = (name: string) =>
        Object.hasOwn(totals.resources, name) ? (totals.resources[name]?.allocatable ?? null) : null;
    return [
        { key: "name", title: "namespace", resource: null, part: null, value: (place) => place.name },
        { key: "pods", title: "pods", resource: null, part: null, value: (place) => place.pods.counted },
        ...ordered.flatMap((name): PlaceColumn[] => [
            {
                key: `${name}-share`,
                title: "share",
                resource: name,
                part: "share",
                value: (place) => ratio(asked(place, name, "requests"), allocatable(name)),
            },
            {
                key: `${name}-requests`,
                title: "requests",
                resource: name,
                part: "requests",
                value: (place) => asked(place, name, "requests"),
            },
            {
                key: `${name}-limits`,
                title: "limits",
                resource: name,
                part: "limits",
                value: (place) => asked(place, name, "limits"),
            },
        ]),
    ];
}

/** Those that ask for most cpu first, unless the reader sorts. */
export function arrangePlaces(
    places: readonly Place[],
    columns: readonly PlaceColumn[],
    query: string,
    sort: Sort | null,
): Place[] {
    const words = query.toLowerCase().split(/\s+/).filter(Boolean);
    const found = places.filter((place) => words.every((word) => place.name.toLowerCase().includes(word)));
    const column = columns.find((each) => each.key === (sort?.key ?? "cpu-requests"));
    return column ? sortBy(found, column.value, sort?.down ?? true) : found;
}
