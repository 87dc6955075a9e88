/** The nodes that the reader's search and filters leave, as state: what the table and the heatmap are about. */
import { useMemo } from "preact/hooks";
import { filter, search } from "../logic/arrange";
import type { Node } from "../types/model";
import { usePage } from "./page";

export function useFound(nodes: readonly Node[]): Node[] {
    const { view } = usePage();
    const filters = JSON.stringify(view.filters); // stands for the filters, which are made anew with every view
    return useMemo(() => search(filter(nodes, view.filters), view.q), [nodes, filters, view.q]);
}
