/** One node beside the table: its facts, all its resources, its own day. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { amount, exact, unitOf } from "../logic/amounts";
import { isMeasured } from "../logic/bar";
import {
    bornAt,
    extraResources,
    figure,
    headroom,
    labelTexts,
    POD_SLOTS,
    resourceNames,
    shortNames,
    states,
    taintText,
} from "../logic/nodes";
import { ABSENT, harmless, numberText, UNKNOWN } from "../logic/text";
import { age, exactTime, takenAt } from "../logic/times";
import type { Shown } from "../state/cluster";
import { usePage } from "../state/page";
import type { ClusterIndex } from "../types/derived";
import type { Node } from "../types/model";
import { Bar } from "./Bar";
import { useKey } from "./keys";
import { NodeDay } from "./NodeDay";

interface Props {
    name: string;
    shown: Shown;
    index: ClusterIndex | null;
}

export function NodePanel({ name, shown, index }: Props) {
    const { go } = usePage();
    const panel = useRef<HTMLElement>(null);
    const node = shown.snapshot.nodes.find((each) => each.name === name);
    const close = () => go({ node: null });
    useKey("Escape", () => document.querySelector("dialog[open]") || close());
    useEffect(() => panel.current?.querySelector<HTMLElement>(".panel-body")?.scrollTo(0, 0), []);
    return (
        <aside class="panel" ref={panel} aria-label={`Node ${harmless(name)}`}>
            <header>
                <h2>{harmless(name)}</h2>
                <button type="button" class="icon" onClick={close} aria-label="Close the node" title="Close (Esc)">
                    ✕
                </button>
            </header>
            {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reachable by keyboard */}
            <div class="panel-body" tabIndex={0} role="region" aria-label="What is known of the node">
                {node ? (
                    <Known node={node} shown={shown} index={index} />
                ) : (
                    <p>This snapshot has no node of this name. It came later, or it is gone.</p>
                )}
                {!node && index && <NodeDay name={name} shown={shown} index={index} />}
            </div>
        </aside>
    );
}

function Known({ node, shown, index }: { node: Node; shown: Shown; index: ClusterIndex | null }) {
    const { reason } = shown.snapshot.usage;
    return (
        <>
            <p class={states(node)[0] === "Ready" && states(node).length === 1 ? "" : "bad"}>
                {states(node).map(harmless).join(", ")}
            </p>
            <h3>Resources</h3>
            {["cpu", "memory", ...extraResources([node])].map((resource) => (
                <div key={resource} class="panel-bar">
                    <span>{harmless(shortNames(resourceNames([node])).get(resource) ?? resource)}</span>
                    <Bar
                        resource={resource}
                        figures={Object.hasOwn(node.resources, resource) ? (node.resources[resource] ?? {}) : {}}
                        reason={reason}
                        signs={PANEL_SIGNS}
                    />
                </div>
            ))}
            <Resources node={node} />
            <h3>Pods</h3>
            <p>
                {numberText(node.pods.counted)} of {numberText(node.pods.allocatable)}{" "}
                <span class="quiet">
                    ({numberText(node.pods.pending)} pending, {numberText(node.pods.terminating)} terminating;{" "}
                    {numberText(node.pods.terminal)} terminal beside)
                </span>
            </p>
            <h3>Its day</h3>
            {index ? (
                <NodeDay name={node.name} shown={shown} index={index} />
            ) : (
                <p class="quiet">Without the cluster's index its day cannot be found.</p>
            )}
            <h3>Facts</h3>
            <Facts node={node} at={takenAt(shown.snapshot)} />
        </>
    );
}

const PANEL_SIGNS = 17; // "12.4 / 15.9 cores"
const PARTS = ["requests", "limits", "usage", "headroom", "allocatable"] as const;

function Resources({ node }: { node: Node }) {
    const of = (name: string, part: (typeof PARTS)[number]) =>
        part === "headroom" ? headroom(node, name) : figure(node, name, part);
    return (
        <div class="panel-scroll">
            <table class="plain">
                <caption class="unseen">All resources of the node</caption>
                <thead>
                    <tr>
                        <th scope="col">resource</th>
                        {PARTS.map((part) => (
                            <th key={part} scope="col" class="numeric">
                                {part}
                            </th>
                        ))}
                    </tr>
                </thead>
                <tbody>
                    {resourceNames([node])
                        .filter((name) => name !== POD_SLOTS)
                        .map((name) => (
                            <tr key={name}>
                                <th scope="row">
                                    {harmless(name)} <small>{unitOf(name)}</small>
                                </th>
                                {PARTS.map((part) => (
                                    <td key={part} class="numeric" title={exact(name, of(name, part))}>
                                        {part === "usage" && !isMeasured(name) ? ABSENT : amount(name, of(name, part))}
                                    </td>
                                ))}
                            </tr>
                        ))}
                </tbody>
            </table>
        </div>
    );
}

function Facts({ node, at }: { node: Node; at: number }) {
    const { settings } = usePage();
    const born = bornAt(node);
    const rows: [string, ComponentChildren][] = [
        ["pool", text(node.pool)],
        ["zone", text(node.zone)],
        ["region", text(node.region)],
        ["type", text(node.instance_type)],
        ["capacity type", text(node.capacity_type)],
        ["roles", list(node.roles)],
        ["taints", list(node.taints?.map(taintText) ?? null)],
        ["labels", list(labelTexts(node))],
        ["age", born === null ? UNKNOWN : `${age(at - born)}, since ${exactTime(born, settings.zone)}`],
        ["version", text(node.kubelet_version)],
        ["OS", text(node.os_image)],
        ["architecture", text(node.architecture)],
        ["uid", text(node.uid)],
    ];
    return (
        <dl class="facts">
            {rows.map(([name, value]) => (
                <div key={name}>
                    <dt>{name}</dt>
                    <dd>{value}</dd>
                </div>
            ))}
        </dl>
    );
}

const text = (value: string | null): string => (value === null ? ABSENT : harmless(value));
const list = (values: readonly string[] | null): ComponentChildren =>
    values === null
        ? UNKNOWN
        : values.length === 0
          ? ABSENT
          : values.map((value) => <div key={value}>{harmless(value)}</div>);
