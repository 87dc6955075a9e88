/** Namespaces in, rows of their table out: what they ask for, and their share of the cluster. Pure. */
import type { Place, Totals } from "../types/model";
import { byResource, ratio } from "./amounts";
import { type Sort, sortBy } from "./arrange";
import type { Value } from "./columns";
import { figure, has } from "./nodes";
import { finder } from "./text";

export interface PlaceColumn {
    key: string;
    title: string;
    resource: string | null;
    part: "requests" | "limits" | "share" | null;
    value: (place: Place) => Value;
}

/** A place without the resource asks for none of it. */
export const asked = (place: Place, resource: string, part: "requests" | "limits"): number | null =>
    has(place, resource) ? figure(place, resource, part) : 0;

/** cpu and memory first, then whatever else the namespaces ask for. */
export function placeColumns(places: readonly Place[], totals: Totals): PlaceColumn[] {
    const names = new Set(["cpu", "memory"]);
    for (const place of places) for (const name in place.resources) names.add(name);
    const ordered = [...names].sort(byResource);
    return [
        { key: "name", title: "namespace", resource: null, part: null, value: (place) => place.name },
        { key: "pods", title: "pods", resource: null, part: null, value: (place) => place.pods.counted },
        ...ordered.flatMap((name): PlaceColumn[] => [
            {
                key: `${name}-share`,
                title: "share",
                resource: name,
                part: "share",
                value: (place) => ratio(asked(place, name, "requests"), figure(totals, name, "allocatable")),
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

/** Those that ask for most cpu first. */
export const USUAL: Sort = { key: "cpu-requests", down: true };

/** In the reader's order, or the usual one. */
export function arrangePlaces(
    places: readonly Place[],
    columns: readonly PlaceColumn[],
    query: string,
    sort: Sort | null,
): Place[] {
    const isFound = finder(query);
    const found = places.filter((place) => isFound(place.name.toLowerCase()));
    const { key, down } = sort ?? USUAL;
    const column = columns.find((each) => each.key === key);
    return column ? sortBy(found, column.value, down) : found;
}
