/** The fleet as a table: a link to each cluster, its bars, its last day, and how old its newest snapshot is. */
import { firstSort } from "../logic/arrange";
import { absoluteBare } from "../logic/bar";
import { FLEET_KEYS, type FleetKey, type FleetRow } from "../logic/fleet";
import { ABSENT, harmless, numberText, UNKNOWN } from "../logic/text";
import { age, exactTime } from "../logic/times";
import { formatView, HOME } from "../logic/url";
import { usePage } from "../state/page";
import type { ClusterIndex, SmallTotals } from "../types/derived";
import { Bar } from "./Bar";
import { useKey } from "./keys";
import { Skeleton } from "./Skeleton";
import { Sparkline } from "./Sparkline";

interface Props {
    rows: FleetRow[];
    indexes: Map<string, ClusterIndex | null>;
    loading: boolean;
}

const TITLES: Record<FleetKey | "day", string> = {
    name: "cluster",
    nodes: "nodes ready",
    pods: "pods",
    cpu: "cpu (cores)",
    memory: "memory (GiB)",
    day: "24 h",
    seen: "seen",
};

export function FleetTable({ rows, indexes, loading }: Props) {
    const { view } = usePage();
    useKey("j", () => toRow(1));
    useKey("k", () => toRow(-1));
    const signs = { cpu: signsOf(rows, "cpu"), memory: signsOf(rows, "memory") };
    return (
        <div class="fleet-box">
            <table class="fleet" onKeyDown={arrows}>
                <caption class="unseen">Clusters</caption>
                <thead>
                    <tr>
                        {FLEET_KEYS.slice(0, -1).map((key) => (
                            <Heading key={key} name={key} />
                        ))}
                        <th
                            scope="col"
                            class="col-day"
                            title="cpu requests of allocatable in the day up to the last snapshot; told when live"
                        >
                            {TITLES.day}
                        </th>
                        <Heading name="seen" />
                    </tr>
                </thead>
                <tbody>
                    {loading && <Skeleton rows={4} columns={7} />}
                    {rows.map((row) => (
                        <Row key={row.name} row={row} index={indexes.get(row.name) ?? null} signs={signs} />
                    ))}
                </tbody>
            </table>
            {!loading && rows.length === 0 && view.q && (
                <p class="table-empty">No cluster is called anything like “{harmless(view.q)}”.</p>
            )}
        </div>
    );
}

function arrows(event: KeyboardEvent): void {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!by || !(event.target as Element).closest("tbody")) return;
    event.preventDefault();
    toRow(by);
}

/** The focus to the next cluster's link, or the one before; the first, where it is at none. */
function toRow(by: number): void {
    const links = [...document.querySelectorAll<HTMLElement>(".fleet tbody a")];
    const at = links.indexOf(document.activeElement as HTMLElement);
    links[Math.max(0, Math.min(links.length - 1, at + by))]?.focus();
}

interface Signs {
    cpu: number;
    memory: number;
}

/** How long the longest "12.4 / 15.9" of a column is. */
function signsOf(rows: readonly FleetRow[], resource: string): number {
    const said = rows.map(({ totals }) => {
        const { requests = null, allocatable = null } = totals?.resources[resource] ?? {};
        return absoluteBare(resource, requests, allocatable).length;
    });
    return Math.max(9, ...said);
}

function Heading({ name }: { name: FleetKey }) {
    const { view, go } = usePage();
    const [first, ...rest] = TITLES[name].split(" ");
    const mine = view.sort?.key === name ? view.sort : null;
    const sort = () => go({ sort: firstSort(view.sort, name, name !== "name") });
    return (
        <th scope="col" class={`col-${name}`} aria-sort={mine ? (mine.down ? "descending" : "ascending") : "none"}>
            <button type="button" class="sorter" onClick={sort}>
                <span>
                    {first}
                    {rest.length > 0 && <span class="not-on-phone"> {rest.join(" ")}</span>}
                </span>
                <i aria-hidden="true">{mine ? (mine.down ? "↓" : "↑") : ""}</i>
            </button>
        </th>
    );
}

function Row({ row, index, signs }: { row: FleetRow; index: ClusterIndex | null; signs: Signs }) {
    const { view, now, settings, phone } = usePage();
    const link = formatView({ ...HOME, cluster: row.name, t: view.t });
    const then = view.t === null ? now : Date.parse(view.t); // ages are as of the moment that is shown
    const worst = row.troubles[0]?.weight ?? 0;
    const hasCells = row.loading || row.totals !== null;
    return (
        <tr class={worst >= 3 ? "trouble" : ""}>
            <th scope="row" class="col-name">
                <a href={link}>
                    <span class="sign" aria-hidden="true">
                        {worst ? "!" : ""}
                    </span>
                    {harmless(row.name)}
                </a>
                {row.takenAt !== null && (
                    <small class="on-phone">
                        seen {age(then - row.takenAt)} {view.t === null ? "ago" : "before"}
                    </small>
                )}
                {hasCells && <Troubles row={row} />}
            </th>
            {hasCells ? (
                <Cells row={row} signs={signs} />
            ) : (
                <td class="col-words" colSpan={phone ? COLUMNS_OF_TOTALS - 1 : COLUMNS_OF_TOTALS}>
                    <Troubles row={row} />
                </td>
            )}
            <td class="col-day">
                {index && (view.t === null ? <Sparkline points={index.recent} /> : <span class="quiet">{ABSENT}</span>)}
            </td>
            <td class="col-seen" title={row.takenAt === null ? "" : exactTime(row.takenAt, settings.zone)}>
                {row.takenAt === null ? "" : age(then - row.takenAt)}
            </td>
        </tr>
    );
}

const COLUMNS_OF_TOTALS = 4; // nodes, pods, cpu, memory; a phone has no room for pods

const Troubles = ({ row }: { row: FleetRow }) => (
    <>
        {row.troubles.map((trouble) => (
            <small key={trouble.words} class={trouble.weight >= 2 ? "bad" : "worry"}>
                {trouble.words}
            </small>
        ))}
    </>
);

function Cells({ row, signs }: { row: FleetRow; signs: Signs }) {
    if (row.loading || !row.totals) return <Skeleton cells={COLUMNS_OF_TOTALS} />;
    const { nodes, pods } = row.totals;
    return (
        <>
            <td class="col-nodes">
                <b class={nodes.ready !== nodes.count ? "bad" : ""}>{numberText(nodes.ready)}</b>
                <span class="quiet">/{numberText(nodes.count)}</span>
            </td>
            <td class="col-pods">{numberText(pods.counted)}</td>
            <Share totals={row.totals} resource="cpu" signs={signs.cpu} />
            <Share totals={row.totals} resource="memory" signs={signs.memory} />
        </>
    );
}

function Share({ totals, resource, signs }: { totals: SmallTotals; resource: string; signs: number }) {
    const figures = totals.resources[resource];
    return (
        <td class={`col-${resource}`}>
            {figures ? <Bar resource={resource} figures={figures} signs={signs} bare /> : <Lacking of={totals} />}
        </td>
    );
}

/** A cluster of no nodes has none; of one that has some it is unknown. */
const Lacking = ({ of }: { of: SmallTotals }) => <span class="quiet">{of.nodes.count === 0 ? ABSENT : UNKNOWN}</span>;
