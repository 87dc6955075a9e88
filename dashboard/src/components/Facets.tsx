/** Filters above the table: a menu for each facet, and a chip for each chosen value. */
import { useMemo } from "preact/hooks";
import { FACETS, type Facet, facetCounts } from "../logic/arrange";
import { grouped, harmless } from "../logic/text";
import { usePage } from "../state/page";
import type { Node } from "../types/model";
import { Menu } from "./Menu";

const TITLES: Record<Facet, string> = {
    pool: "pool",
    zone: "zone",
    "instance-type": "type",
    "capacity-type": "capacity",
    state: "state",
    taint: "taint",
};
const MOST = 200; // values listed in one menu; the search finds the rest

export function Facets({ nodes }: { nodes: readonly Node[] }) {
    const { view } = usePage();
    const useful = useMemo(() => FACETS.filter((facet) => facetCounts(nodes, {}, facet).size > 1), [nodes]);
    const shown = FACETS.filter((facet) => useful.includes(facet) || view.filters[facet]?.length);
    return (
        <>
            {shown.map((facet) => (
                <Menu
                    key={facet}
                    class={view.filters[facet]?.length ? "facet chosen" : "facet"}
                    label={labelOf(facet, view.filters[facet])}
                    name={`Filter by ${TITLES[facet]}`}
                >
                    {() => <Values nodes={nodes} facet={facet} />}
                </Menu>
            ))}
        </>
    );
}

function labelOf(facet: Facet, values: (string | null)[] | undefined): string {
    if (!values?.length) return `${TITLES[facet]} ▾`;
    const first = valueText(facet, values[0] ?? null);
    return `${TITLES[facet]}: ${first}${values.length > 1 ? ` +${values.length - 1}` : ""} ▾`;
}

const valueText = (facet: Facet, value: string | null): string =>
    value === null ? `no ${TITLES[facet]}` : harmless(value);

function Values({ nodes, facet }: { nodes: readonly Node[]; facet: Facet }) {
    const { view, go } = usePage();
    const counts = [...facetCounts(nodes, view.filters, facet)];
    const chosen = view.filters[facet] ?? [];
    const set = (values: (string | null)[]) => {
        const { [facet]: _, ...others } = view.filters;
        go({ filters: values.length ? { ...others, [facet]: values } : others });
    };
    const toggle = (value: string | null) =>
        set(chosen.includes(value) ? chosen.filter((each) => each !== value) : [...chosen, value]);
    return (
        <>
            {counts.slice(0, MOST).map(([value, number]) => (
                <label key={value ?? "\0"} class="choice">
                    <input type="checkbox" checked={chosen.includes(value)} onChange={() => toggle(value)} />
                    <span>{valueText(facet, value)}</span>
                    <small>{grouped(number)}</small>
                </label>
            ))}
            {counts.length > MOST && <small>{grouped(counts.length - MOST)} more: search for them</small>}
            {chosen.length > 0 && (
                <button type="button" onClick={() => set([])}>
                    Clear
                </button>
            )}
        </>
    );
}
