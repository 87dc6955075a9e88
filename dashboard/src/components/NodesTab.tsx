/** The nodes of a snapshot: what is searched, filtered, sorted and grouped for, as a table. */
import { useMemo } from "preact/hooks";
import { arrange, FACETS, firstDown, firstSort, grouped as groupedRows, onlyNodes } from "../logic/arrange";
import { type Column, type Columns, columnsOf, type Row } from "../logic/columns";
import { csvOf } from "../logic/csv";
import { groupFields, isSum, sumOf, type TextField } from "../logic/nodes";
import { count, grouped } from "../logic/text";
import { takenAt } from "../logic/times";
import { useFound } from "../state/found";
import { useMoved } from "../state/moved";
import { usePage } from "../state/page";
import type { Node, Snapshot } from "../types/model";
import { ColumnChooser } from "./ColumnChooser";
import { Facets } from "./Facets";
import { tableColumns } from "./nodeCells";
import { save } from "./save";
import { VirtualTable } from "./VirtualTable";

const ROW_HEIGHT = 28;

export function NodesTab({ snapshot }: { snapshot: Snapshot }) {
    const { view, go, phone } = usePage();
    const at = takenAt(snapshot);
    const columns = useMemo(() => columnsOf(snapshot.nodes, at), [snapshot.nodes, at]);
    const keys = view.columns ?? (phone ? columns.phone : columns.usual);
    const found = useFound(snapshot.nodes);
    const rows = useRows(found, columns);
    const shown = keys.includes("name") ? keys : ["name", ...keys];
    const shownKey = shown.join(",");
    const foldedKey = view.folded.join("\n");
    const chosen = shown.flatMap((key) => columns.byKey.get(key) ?? []) as Column[];
    const sums = rows.some(isSum);
    const fold = (group: string) => go({ folded: toggled(view.folded, group) });
    // shownKey stands for the chosen columns
    const table = useMemo(
        () => tableColumns(chosen, snapshot, { phone, sums, folded: view.folded, fold }),
        [snapshot, columns, shownKey, phone, sums, foldedKey],
    );
    const moved = useMoved(snapshot);
    const isNarrowed = found.length < snapshot.nodes.length;
    return (
        <section aria-label="Nodes">
            <div class="tools">
                <Facets nodes={snapshot.nodes} />
                <GroupBy nodes={snapshot.nodes} />
                <span class="quiet" role="status">
                    {isNarrowed
                        ? `${grouped(found.length)} of ${count(snapshot.nodes.length, "node")}`
                        : count(found.length, "node")}
                </span>
                {isNarrowed && (
                    <button type="button" onClick={() => go({ q: "", filters: {} })}>
                        Show all
                    </button>
                )}
                <span class="tools-right">
                    <button
                        type="button"
                        onClick={() => saveTable(snapshot, columns, chosen, rows)}
                        title="The rows as shown, with exact integers"
                    >
                        CSV
                    </button>
                    <ColumnChooser columns={columns} shown={shown} />
                </span>
            </div>
            <VirtualTable
                caption="Nodes"
                columns={table}
                rows={rows}
                rowKey={keyOf}
                rowClass={(row) => (isSum(row) ? (row.whole ? "total" : "group") : moved.has(row.name) ? "moved" : "")}
                rowHeight={ROW_HEIGHT}
                sort={view.sort}
                onSort={(key) => {
                    const clicked = columns.byKey.get(key);
                    if (clicked) go({ sort: firstSort(view.sort, key, firstDown(clicked)) });
                }}
                onOpen={(row) => (isSum(row) ? row.whole || fold(row.name) : go({ node: row.name }))}
                open={view.node}
                empty={<Nothing />}
            />
        </section>
    );
}

/** A group may be called like a node. */
const keyOf = (row: Row): string => (isSum(row) ? `\0${row.name}` : row.name);

const toggled = (list: readonly string[], each: string): string[] =>
    list.includes(each) ? list.filter((other) => other !== each) : [...list, each];

/** With a sum above what was narrowed down to. */
function useRows(found: Node[], columns: Columns): Row[] {
    const { view } = usePage();
    const column = view.sort ? columns.byKey.get(view.sort.key) : undefined;
    const down = view.sort?.down ?? false;
    const isNarrowed = view.q !== "" || FACETS.some((facet) => view.filters[facet]?.length);
    const folded = view.folded.join("\n");
    // `folded` stands for the folded groups
    return useMemo(() => {
        const sorted = arrange(found, column, down);
        const rows = view.group ? groupedRows(sorted, view.group, column, down, new Set(view.folded)) : sorted;
        return isNarrowed && found.length > 1
            ? [sumOf(`sum of ${count(found.length, "node")}`, found, true), ...rows]
            : rows;
    }, [found, column, down, view.group, folded, isNarrowed]);
}

function GroupBy({ nodes }: { nodes: readonly Node[] }) {
    const { view, go } = usePage();
    const fields = useMemo(() => groupFields(nodes, view.group), [nodes, view.group]);
    if (!fields.length) return null;
    return (
        <select
            class={view.group ? "chosen" : ""}
            aria-label="Group by"
            value={view.group ?? ""}
            onChange={(event) => go({ group: (event.currentTarget.value || null) as TextField | null, folded: [] })}
        >
            <option value="">no groups</option>
            {fields.map((field) => (
                <option key={field} value={field}>
                    by {field === "instance-type" ? "type" : field}
                </option>
            ))}
        </select>
    );
}

function Nothing() {
    const { view } = usePage();
    return view.q || FACETS.some((facet) => view.filters[facet]?.length) ? (
        <p>No node matches the search and the filters. “Show all” takes them away.</p>
    ) : (
        <p>This snapshot has no nodes.</p>
    );
}

/** Bars stand for several amounts: in a file each has a column of its own. */
function saveTable(snapshot: Snapshot, columns: Columns, chosen: Column[], rows: readonly Row[]): void {
    const whole = chosen.flatMap((column) =>
        column.kind === "bar"
            ? columns.all.filter(
                  (each) => each.kind === "number" && each.resource === column.resource && IN_A_BAR.test(each.key),
              )
            : [column],
    );
    const unique = [...new Set(whole)];
    save(`${snapshot.cluster}-${snapshot.slot}.csv`, "text/csv", csvOf(unique, onlyNodes(rows)));
}

const IN_A_BAR = /-(requests|limits|usage|headroom|allocatable)$/;
