/** What each namespace asks for, and its share of what the cluster has. */
import { useMemo } from "preact/hooks";
import { amount, exact, inWords, percentage, unitOf } from "../logic/amounts";
import { firstSort } from "../logic/arrange";
import { figure } from "../logic/nodes";
import { arrangePlaces, asked, type PlaceColumn, placeColumns, USUAL } from "../logic/places";
import { count, grouped, harmless, numberText } from "../logic/text";
import { usePage } from "../state/page";
import type { Place, Snapshot } from "../types/model";
import { BarDrawing } from "./Bar";
import { Notice } from "./Notice";
import { type TableColumn, VirtualTable } from "./VirtualTable";

export function Namespaces({ snapshot }: { snapshot: Snapshot }) {
    const { view, go } = usePage();
    const { namespaces, totals } = snapshot;
    const columns = useMemo(() => placeColumns(namespaces ?? [], totals), [namespaces, totals]);
    const rows = useMemo(
        () => arrangePlaces(namespaces ?? [], columns, view.q, view.by),
        [namespaces, columns, view.q, view.by?.key, view.by?.down],
    );
    const table = useMemo(() => columns.map((column) => tableColumn(column, snapshot)), [columns, snapshot]);
    if (namespaces === null) {
        return (
            <Notice tone="info" title="Namespaces are unknown">
                <p>
                    This snapshot was filled in from a source that does not know them ({harmless(snapshot.source.kind)}
                    ).
                </p>
            </Notice>
        );
    }
    return (
        <section aria-label="Namespaces">
            <div class="tools">
                <span class="quiet">
                    {rows.length < namespaces.length ? `${grouped(rows.length)} of ` : ""}
                    {count(namespaces.length, "namespace")}; pods bound to a node that are not terminal. Share: requests
                    of the cluster's allocatable.
                </span>
                {rows.length < namespaces.length && (
                    <button type="button" onClick={() => go({ q: "" })}>
                        Show all
                    </button>
                )}
            </div>
            <VirtualTable
                caption="Namespaces"
                columns={table}
                rows={rows}
                rowKey={(place) => place.name}
                rowHeight={28}
                sort={view.by ?? USUAL}
                onSort={(key) => go({ by: firstSort(view.by ?? USUAL, key, key !== "name") })}
                empty="No namespace matches."
            />
        </section>
    );
}

function tableColumn(column: PlaceColumn, snapshot: Snapshot): TableColumn<Place> {
    const { resource, part } = column;
    const title = resource
        ? `${harmless(resource)} ${column.title}${part !== "share" && unitOf(resource) ? ` (${unitOf(resource)})` : ""}`
        : column.title;
    const base = { key: column.key, title, sortable: true, numeric: resource !== null || column.key === "pods" };
    if (column.key === "name")
        return { ...base, width: 200, cell: (place) => harmless(place.name), hover: (place) => harmless(place.name) };
    const number = (place: Place) => column.value(place) as number | null;
    if (resource === null)
        return {
            ...base,
            width: 80,
            cell: (place) => numberText(number(place)),
        };
    if (part === "share")
        return {
            ...base,
            numeric: false,
            width: 150,
            cell: (place) => <Share place={place} resource={resource} snapshot={snapshot} />,
        };
    return {
        ...base,
        width: Math.max(100, title.length * 7.6 + 32),
        cell: (place) => amount(resource, number(place)),
        hover: (place) => exact(resource, number(place)),
    };
}

function Share({ place, resource, snapshot }: { place: Place; resource: string; snapshot: Snapshot }) {
    const requests = asked(place, resource, "requests");
    const allocatable = figure(snapshot.totals, resource, "allocatable");
    const share = percentage(requests, allocatable);
    return (
        <span class="bar share-only">
            <BarDrawing
                figures={{ requests, allocatable }}
                measured={false}
                label={`${inWords(share)} of the cluster's allocatable ${harmless(resource)}`}
            />
            <b class="bar-share">{share}</b>
        </span>
    );
}
