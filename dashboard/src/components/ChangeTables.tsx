/** What changed between two snapshots, in lines and tables: the cluster, nodes, namespaces; the largest first. */
import { amount, exact, signed, unitOf } from "../logic/amounts";
import { type Comparison, type Delta, type NodeChange, notable, type PlaceChange } from "../logic/compare";
import { sharedDomain } from "../logic/names";
import { count, grouped, harmless } from "../logic/text";
import { formatView, parseView } from "../logic/url";
import type { Node } from "../types/model";
import { NodeLink } from "./nodeCells";

const MOST = 200; // rows of one list; beyond it the command line's diff is the tool

export function Compared({ compared, everything }: { compared: Comparison; everything: boolean }) {
    const changed = everything ? compared.changed : compared.changed.filter(notable);
    const quiet = compared.changed.length - changed.length;
    const { namespaces, unscheduled, unknownNodes } = compared;
    const totals = compared.totals.filter((each) => isOfCluster(each) || everything);
    return (
        <div class="changes">
            <Block title="Cluster">
                {totals.length ? <Totals deltas={totals} /> : <p class="quiet">Nothing of note moved.</p>}
            </Block>
            {unscheduled.length > 0 && (
                <Block title="Pods without a node">
                    <Deltas deltas={unscheduled} />
                </Block>
            )}
            <Nodes title="Came" nodes={compared.came} />
            <Nodes title="Went" nodes={compared.went} />
            <Block title={`Changed: ${count(changed.length, "node")}`}>
                {changed.length > 0 && <ChangeTable changes={changed} everything={everything} />}
                <p class="quiet">
                    {quiet > 0
                        ? `${count(quiet, "node")} moved only a little: in usage, or in pods that wait or end. `
                        : ""}
                    {grouped(compared.unchanged)} unchanged.
                </p>
            </Block>
            <Places title="Namespaces" changes={namespaces} />
            <Places title="Nodes not listed" changes={unknownNodes} />
        </div>
    );
}

/** Numbers of nodes and pods in a line; a row for each resource. */
function Totals({ deltas }: { deltas: readonly Delta[] }) {
    const isCount = ({ resource }: Delta) => resource === "nodes" || resource === "pods";
    const amounts = deltas.filter((each) => !isCount(each));
    const figures = FIGURES.filter((name) => amounts.some((each) => each.figure === name));
    return (
        <>
            <Deltas deltas={deltas.filter(isCount)} />
            {amounts.length > 0 && (
                <table class="plain change-table">
                    <caption class="unseen">What moved in the whole cluster</caption>
                    <thead>
                        <tr>
                            <th scope="col">resource</th>
                            {figures.map((name) => (
                                <th key={name} scope="col" class="numeric">
                                    {name}
                                </th>
                            ))}
                        </tr>
                    </thead>
                    <tbody>
                        {[...new Set(amounts.map((each) => each.resource))].map((resource) => (
                            <tr key={resource}>
                                <th scope="row">
                                    {harmless(resource)} <small>{unitOf(resource)}</small>
                                </th>
                                {figures.map((name) => (
                                    <Move
                                        key={name}
                                        delta={amounts.find(
                                            (each) => each.resource === resource && each.figure === name,
                                        )}
                                    />
                                ))}
                            </tr>
                        ))}
                    </tbody>
                </table>
            )}
        </>
    );
}

/** Of pods, their number alone. */
const isOfCluster = ({ resource, figure }: Delta): boolean => resource !== "pods" || figure === "counted";

function Block({ title, children }: { title: string; children: preact.ComponentChildren }) {
    return (
        <section class="block">
            <h2>{title}</h2>
            {children}
        </section>
    );
}

function Nodes({ title, nodes }: { title: string; nodes: Node[] }) {
    if (!nodes.length) return null;
    return (
        <Block title={`${title}: ${count(nodes.length, "node")}`}>
            <ul class="names">
                {nodes.slice(0, MOST).map((node) => (
                    <li key={node.name}>
                        <a href={formatView({ ...parseView(location.hash), node: node.name })}>{harmless(node.name)}</a>{" "}
                        <span class="quiet">
                            {[node.pool, node.zone, node.instance_type]
                                .flatMap((each) => (each === null ? [] : harmless(each)))
                                .join(" · ")}
                        </span>
                    </li>
                ))}
            </ul>
            <More of={nodes.length} />
        </Block>
    );
}

const More = ({ of }: { of: number }) =>
    of > MOST ? <p class="quiet">and {grouped(of - MOST)} more: nodetally diff shows them all</p> : null;

function ChangeTable({ changes, everything }: { changes: NodeChange[]; everything: boolean }) {
    const shown = changes.slice(0, MOST);
    const moved = movedIn(shown, everything);
    const domain = sharedDomain(shown.map((change) => change.name));
    const hasWords = shown.some((change) => factsOf(change).length);
    return (
        <>
            <table class="plain change-table">
                <caption class="unseen">Changed nodes, the largest change first</caption>
                <thead>
                    <tr>
                        <th scope="col">node</th>
                        {hasWords && <th scope="col">state and facts</th>}
                        <Titles moved={moved} />
                    </tr>
                </thead>
                <tbody>
                    {shown.map((change) => (
                        <tr key={change.name}>
                            <th scope="row">
                                <NodeLink name={change.name} domain={domain} />
                            </th>
                            {hasWords && (
                                <td class={change.urgent ? "facts-moved bad" : "facts-moved"}>
                                    {factsOf(change).map(harmless).join("; ")}
                                </td>
                            )}
                            <Moves moved={moved} deltas={change.deltas} />
                        </tr>
                    ))}
                </tbody>
            </table>
            <More of={changes.length} />
        </>
    );
}

const factsOf = (change: NodeChange): string[] => [...(change.recreated ? ["made again"] : []), ...change.words];

interface Moved {
    key: string;
    delta: Delta;
}

const keyOf = ({ resource, figure }: Delta): string => `${resource}\n${figure}`;

/** A column for each figure that moved anywhere, in the order in which a node has them. */
function movedIn(changes: readonly { deltas: Delta[] }[], everything = false): Moved[] {
    const found = new Map<string, Delta>();
    for (const { deltas } of changes)
        for (const delta of deltas)
            if ((everything || isTold(delta)) && !found.has(keyOf(delta))) found.set(keyOf(delta), delta);
    return [...found]
        .map(([key, delta]) => ({ key, delta }))
        .sort((a, b) => rank(a.delta) - rank(b.delta) || (a.key < b.key ? -1 : 1));
}

const RESOURCES = ["pods", "cpu", "memory"];
const FIGURES = ["counted", "pending", "terminating", "terminal", "requests", "limits", "usage", "allocatable"];

function rank({ resource, figure }: Delta): number {
    const at = RESOURCES.indexOf(resource);
    return (at < 0 ? RESOURCES.length : at) * FIGURES.length + FIGURES.indexOf(figure);
}

const Titles = ({ moved }: { moved: Moved[] }) => (
    <>
        {moved.map(({ key, delta }) => (
            <th key={key} scope="col" class="numeric">
                {harmless(delta.resource)}
                <small>
                    {delta.figure === "counted" ? "" : delta.figure}
                    {unitOf(delta.resource) && ` (${unitOf(delta.resource)})`}
                </small>
            </th>
        ))}
    </>
);

/** By how much, and from what to what; empty where it did not move. */
function Moves({ moved, deltas }: { moved: Moved[]; deltas: Delta[] }) {
    const own = new Map(deltas.map((delta) => [keyOf(delta), delta]));
    return (
        <>
            {moved.map(({ key }) => (
                <Move key={key} delta={own.get(key)} />
            ))}
        </>
    );
}

function Move({ delta }: { delta: Delta | undefined }) {
    if (!delta) return <td class="numeric" />;
    return (
        <td class="numeric" title={hoverOf(delta)}>
            <b>{signed(delta.resource, delta.value).split(" ")[0]}</b>
            <small>
                {amount(delta.resource, delta.before)} → {amount(delta.resource, delta.after)}
            </small>
        </td>
    );
}

/** Of pods, their number; pending and terminal ones move all the time. */
const isTold = (delta: Delta): boolean =>
    delta.resource !== "pods" || delta.figure === "counted" || delta.figure === "allocatable";

function Places({ title, changes }: { title: string; changes: PlaceChange[] | null }) {
    if (changes === null)
        return (
            <Block title={title}>
                <p class="quiet">Unknown on one side.</p>
            </Block>
        );
    if (!changes.length) return null;
    const shown = changes.slice(0, MOST);
    const moved = movedIn(shown);
    return (
        <Block title={`${title}: ${grouped(changes.length)} changed`}>
            <table class="plain change-table">
                <caption class="unseen">{title}, the largest change first</caption>
                <thead>
                    <tr>
                        <th scope="col">name</th>
                        <Titles moved={moved} />
                    </tr>
                </thead>
                <tbody>
                    {shown.map((change) => (
                        <tr key={change.name}>
                            <th scope="row">{harmless(change.name)}</th>
                            <Moves moved={moved} deltas={change.deltas} />
                        </tr>
                    ))}
                </tbody>
            </table>
            <More of={changes.length} />
        </Block>
    );
}

function Deltas({ deltas }: { deltas: readonly Delta[] }) {
    return (
        <ul class="deltas">
            {deltas.map((delta) => (
                <li key={`${delta.resource} ${delta.figure}`} title={hoverOf(delta)}>
                    <span class="quiet">{nameOf(delta)}</span> <b>{signed(delta.resource, delta.value)}</b>{" "}
                    <small>
                        {amount(delta.resource, delta.before)} → {amount(delta.resource, delta.after)}
                    </small>
                </li>
            ))}
        </ul>
    );
}

function nameOf({ resource, figure }: Delta): string {
    if (figure === "counted" || figure === "count") return harmless(resource);
    return `${harmless(resource)} ${figure}`;
}

const hoverOf = ({ resource, before, after, value }: Delta): string =>
    `${exact(resource, before)} → ${exact(resource, after)}${value === null || !unitOf(resource) ? "" : ` (${value > 0 ? "+" : ""}${exact(resource, value)})`}`;
