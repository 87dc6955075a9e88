/** One cluster at one moment: its numbers, its charts, and the tabs. */
import { useMemo } from "preact/hooks";
import { quoted, storeOf } from "../logic/command";
import { sourceNotice } from "../logic/notices";
import { capital, count, harmless } from "../logic/text";
import { age, exactTime, takenAt } from "../logic/times";
import { staleness } from "../logic/trouble";
import { formatView, HOME, parseView, TABS, type Tab } from "../logic/url";
import { type Cluster, useCluster } from "../state/cluster";
import { usePage } from "../state/page";
import { useEnd } from "../state/span";
import type { Snapshot, Usage } from "../types/model";
import { Changes } from "./Changes";
import { Charts } from "./Charts";
import { Copyable } from "./Copyable";
import { Header } from "./Header";
import { Headline } from "./Headline";
import { Heatmap } from "./Heatmap";
import { Namespaces } from "./Namespaces";
import { NodePanel } from "./NodePanel";
import { NodesTab } from "./NodesTab";
import { Notice, ProblemNotice } from "./Notice";
import { OfflineBand } from "./OfflineBand";
import { Outside } from "./Outside";
import { Takeaway } from "./Takeaway";
import { ClusterTime, TimeBand } from "./TimeControl";

export function ClusterPage({ name, onHelp }: { name: string; onHelp: () => void }) {
    const { view, library } = usePage();
    const cluster = useCluster(library, name, view.t);
    const { index, shown } = cluster;
    const snapshot = shown.value?.snapshot ?? null;
    const slot = snapshot?.slot ?? view.t ?? index.value?.last.slot ?? null;
    const end = useEnd(index.value, view.t);
    const totals = snapshot?.totals ?? (view.t === null ? index.value?.totals : null) ?? null;
    return (
        <>
            <Header
                onHelp={onHelp}
                searchFor={SEARCHED[view.tab]}
                time={<ClusterTime index={index.value} slot={slot} />}
            />
            <OfflineBand />
            <TimeBand slot={snapshot?.slot ?? null} />
            <div class={view.node === null ? "page" : "page with-panel"}>
                <main id="main" tabIndex={-1} aria-busy={shown.loading}>
                    {isNowhere(cluster) ? <Nowhere name={name} /> : <Problems cluster={cluster} />}
                    {(totals || index.loading || shown.loading) && (
                        <Headline
                            index={index.value}
                            totals={totals}
                            at={Date.parse(slot ?? "")}
                            usage={snapshot?.usage ?? null}
                        />
                    )}
                    {index.value ? (
                        <Charts index={index.value} end={end} />
                    ) : (
                        index.loading && <div class="charts-wait" />
                    )}
                    {!isNowhere(cluster) && (
                        <div class="tabs">
                            <Tabs />
                            {snapshot ? <Taken cluster={cluster} /> : shown.loading && <TakenWait />}
                        </div>
                    )}
                    <Content cluster={cluster} />
                </main>
                {view.node !== null && snapshot && shown.value && (
                    <NodePanel key={view.node} name={view.node} shown={shown.value} index={index.value} />
                )}
            </div>
        </>
    );
}

/** Neither index nor newest snapshot: most likely a name that this store never had. */
function isNowhere({ index, shown }: Cluster): boolean {
    const isGone = (kind: string | undefined) => kind === "missing" || kind === "refused";
    return !index.value && !shown.value && isGone(index.problem?.kind) && isGone(shown.problem?.kind);
}

function Nowhere({ name }: { name: string }) {
    const { view } = usePage();
    return (
        <Notice tone="warn" title={`This store has nothing of a cluster called ${harmless(name)}`}>
            <p>
                Either the name is another, or no pass has stored it yet.{" "}
                <a href={formatView({ ...HOME, t: view.t })}>All clusters</a>
            </p>
            <Copyable text={`nodetally run --cluster ${quoted(name)} --store ${quoted(storeOf(location.href))}`} />
        </Notice>
    );
}

/** What cannot be read, what is stale, what is only partly known: each said once, above what is shown. */
function Problems({ cluster }: { cluster: Cluster }) {
    const { view, now } = usePage();
    const { index, shown } = cluster;
    const stale = view.t === null && index.value ? staleness(index.value, now) : null;
    const usage = shown.value?.snapshot.usage;
    return (
        <>
            {index.problem && <ProblemNotice problem={index.problem} again={index.again} />}
            {shown.problem && shown.problem.key !== index.problem?.key && (
                <ProblemNotice problem={shown.problem} again={shown.again} />
            )}
            {shown.value?.problems.map((problem) => (
                <ProblemNotice key={problem.key} problem={problem} />
            ))}
            {stale && (
                <Notice tone="warn" title={capital(stale)}>
                    <p>The job may be failing; what the store says of its last passes:</p>
                    <Copyable
                        text={`nodetally status --cluster ${quoted(cluster.name)} --store ${quoted(storeOf(location.href))}`}
                    />
                </Notice>
            )}
            {shown.value && <SourceNotice snapshot={shown.value.snapshot} />}
            {usage && usage.status !== "ok" && usage.status !== "off" && <UsageNotice usage={usage} />}
        </>
    );
}

function SourceNotice({ snapshot }: { snapshot: Snapshot }) {
    const said = sourceNotice(snapshot);
    return (
        said && (
            <Notice tone="info" title={said.title}>
                <p>{said.words}</p>
            </Notice>
        )
    );
}

function UsageNotice({ usage }: { usage: Usage }) {
    const missing = usage.missing_nodes.length;
    const who = missing ? `for ${count(missing, "node")}` : "for every node";
    return (
        <Notice tone="info" title={`Usage is unknown ${who} (${usage.status})`}>
            <p>{harmless(usage.reason ?? "no reason was stored")}</p>
            {missing > 0 && (
                <details>
                    <summary>which</summary>
                    {usage.missing_nodes.map(harmless).join(", ")}
                </details>
            )}
        </Notice>
    );
}

/** When and how the snapshot was taken; and taking it away. */
function Taken({ cluster }: { cluster: Cluster }) {
    const { settings, now } = usePage();
    const shown = cluster.shown.value;
    if (!shown) return null;
    const { snapshot } = shown;
    const at = takenAt(snapshot);
    const { source } = snapshot;
    return (
        <div class="taken">
            <span class="quiet" title={`slot ${snapshot.slot}${source.reason ? `; ${harmless(source.reason)}` : ""}`}>
                Snapshot of {exactTime(at, settings.zone)}, {age(now - at)} ago
                <span class="not-on-phone">
                    , by {harmless(source.kind)}
                    {source.server_version ? ` from ${harmless(source.server_version)}` : ""}
                </span>
            </span>
            <Takeaway shown={shown} />
        </div>
    );
}

/** As high as what comes in its place, so that nothing moves. */
function TakenWait() {
    return (
        <div class="taken" aria-busy="true">
            <span class="quiet">Reading the snapshot …</span>
            <span class="takeaway">
                <button type="button" disabled>
                    JSON
                </button>
                <button type="button" disabled>
                    Command
                </button>
            </span>
        </div>
    );
}

const TAB_TITLES: Record<Tab, string> = {
    nodes: "Nodes",
    heatmap: "Heatmap",
    namespaces: "Namespaces",
    changes: "Changes",
};

const SEARCHED: Record<Tab, string> = {
    nodes: "nodes",
    heatmap: "nodes",
    namespaces: "namespaces",
    changes: "changes",
};

function Tabs() {
    const { view } = usePage();
    return (
        <nav aria-label="Views of the cluster">
            {TABS.map((tab) => (
                <a
                    key={tab}
                    href={formatView({ ...parseView(location.hash), tab })}
                    aria-current={view.tab === tab ? "page" : undefined}
                >
                    {TAB_TITLES[tab]}
                </a>
            ))}
        </nav>
    );
}

function Content({ cluster }: { cluster: Cluster }) {
    const { view } = usePage();
    const { shown } = cluster;
    const snapshot = shown.value?.snapshot;
    const outside = useMemo(() => snapshot && <Outside snapshot={snapshot} />, [snapshot]);
    if (!snapshot) return shown.loading ? <Waiting /> : null;
    if (view.tab === "heatmap") return <Heatmap snapshot={snapshot} />;
    if (view.tab === "namespaces") return <Namespaces snapshot={snapshot} />;
    if (view.tab === "changes") return <Changes snapshot={snapshot} index={cluster.index.value} />;
    return (
        <>
            {outside}
            <NodesTab snapshot={snapshot} />
        </>
    );
}

function Waiting() {
    return (
        <div class="table-box waiting" aria-busy="true">
            {Array.from({ length: 8 }, (_, at) => (
                <div key={at}>
                    <span class="skeleton" />
                </div>
            ))}
        </div>
    );
}
