/** A cell a node, coloured by a ratio. On a canvas for 5,000; everything it says is in the table too. */
import { useMemo } from "preact/hooks";
import { type Measure, measuresOf, type Step, stepOf } from "../logic/heat";
import { groupFields, type TextField } from "../logic/nodes";
import { count, grouped, harmless } from "../logic/text";
import { useFound } from "../state/found";
import { usePage } from "../state/page";
import type { Node, Snapshot } from "../types/model";
import { heatColours } from "./colours";
import { Facets } from "./Facets";
import { HeatCells } from "./HeatCells";

export function Heatmap({ snapshot }: { snapshot: Snapshot }) {
    const { view, go } = usePage();
    const measures = useMemo(() => measuresOf(snapshot.nodes), [snapshot.nodes]);
    const measure = measures.find((each) => each.key === view.heat) ?? (measures[0] as Measure);
    const nodes = useFound(snapshot.nodes);
    const fields = groupFields(snapshot.nodes, view.group);
    const group = view.group ?? fields.find((field) => field === "pool" || field === "zone") ?? null;
    return (
        <section aria-label="Heatmap">
            <div class="tools">
                <label>
                    colour{" "}
                    <select value={measure.key} onChange={(event) => go({ heat: event.currentTarget.value })}>
                        {measures.map((each) => (
                            <option key={each.key} value={each.key}>
                                {harmless(each.title)}
                            </option>
                        ))}
                    </select>
                </label>
                {fields.length > 0 && (
                    <label>
                        by{" "}
                        <select
                            value={group ?? ""}
                            onChange={(event) => go({ group: event.currentTarget.value as TextField })}
                        >
                            {fields.map((field) => (
                                <option key={field}>{field}</option>
                            ))}
                        </select>
                    </label>
                )}
                <Facets nodes={snapshot.nodes} />
                <span class="quiet">{count(nodes.length, "node")}</span>
            </div>
            <Scale nodes={nodes} measure={measure} />
            {nodes.length ? (
                <HeatCells nodes={nodes} measure={measure} group={group} />
            ) : (
                <p class="table-empty">No node matches.</p>
            )}
            <p class="quiet">The table (tab Nodes) holds the same numbers, and can be walked by keyboard.</p>
        </section>
    );
}

const STEPS: Step[] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, "over", "none", "unknown"];

const BESIDE: Record<Exclude<Step, number>, string> = { over: "over 100%", none: "has none", unknown: "unknown" };

/** The legend, with how many nodes are in each step: the heatmap in words. */
function Scale({ nodes, measure }: { nodes: readonly Node[]; measure: Measure }) {
    const { dark } = usePage();
    const counts = useMemo(() => {
        const made = new Map<Step, number>();
        for (const node of nodes) made.set(stepOf(node, measure), (made.get(stepOf(node, measure)) ?? 0) + 1);
        return made;
    }, [nodes, measure]);
    // the style sheet's colours change with the theme
    const colours = useMemo(() => heatColours(), [dark]);
    return (
        <ol class="scale" aria-label={`Nodes by ${harmless(measure.title)}`}>
            {STEPS.map((step) => (
                <li key={step}>
                    <i
                        class={`heat ${step}`}
                        style={typeof step === "number" ? { background: colours[step] } : undefined}
                        aria-hidden="true"
                    />
                    <span>{typeof step === "number" ? `${step * 10}–${step * 10 + 10}%` : BESIDE[step]}</span>
                    <b>{grouped(counts.get(step) ?? 0)}</b>
                </li>
            ))}
        </ol>
    );
}
