/** Every cluster of the store as a row: what needs a look comes first, with its reason. */

import { storeOf } from "../logic/command";
import { arrangeFleet, type FleetRow, sumFleet } from "../logic/fleet";
import { documentName } from "../logic/notices";
import { count, grouped, harmless, UNKNOWN } from "../logic/text";
import { staleness, troublesOf } from "../logic/trouble";
import { type Fleet, type Member, useFleet } from "../state/fleet";
import { usePage } from "../state/page";
import { Copyable } from "./Copyable";
import { FleetTable } from "./FleetTable";
import { Header } from "./Header";
import { Notice, ProblemNotice } from "./Notice";
import { OfflineBand } from "./OfflineBand";
import { FleetTime, TimeBand } from "./TimeControl";

export function FleetPage({ onHelp }: { onHelp: () => void }) {
    const { view, library, now } = usePage();
    const fleet = useFleet(library, view.t);
    const rows = fleet.members.map((member) => rowOf(member, view.t === null ? now : null));
    return (
        <>
            <Header onHelp={onHelp} searchFor="clusters" time={<FleetTime />} />
            <OfflineBand />
            <TimeBand slot={null} />
            <main id="main" tabIndex={-1}>
                <h1 class="unseen">Clusters</h1>
                {fleet.list.problem && <ListProblem fleet={fleet} />}
                {fleet.list.value && <Headline rows={rows} />}
                {fleet.list.value?.length === 0 && <Empty />}
                {(fleet.list.loading || rows.length > 0) && (
                    <FleetTable
                        rows={arrangeFleet(rows, view.q, view.sort)}
                        indexes={new Map(fleet.members.map((member) => [member.name, member.index]))}
                        loading={fleet.list.loading && !fleet.list.value}
                    />
                )}
            </main>
        </>
    );
}

/** `now` is null for a past moment: nothing is stale then. */
function rowOf(member: Member, now: number | null): FleetRow {
    const { name, index, totals, takenAt, problem, loading } = member;
    const stale = index && now !== null ? staleness(index, now) : null;
    const troubles = totals ? troublesOf(totals, now === null ? [] : (index?.recent ?? []), stale) : [];
    if (problem) troubles.unshift({ weight: problem.kind === "nothing-then" ? 0 : 4, words: problemWords(problem) });
    return { name, totals, takenAt, troubles, problem, loading };
}

function problemWords(problem: NonNullable<Member["problem"]>): string {
    if (problem.kind === "nothing-then") return "no snapshot at or before this moment";
    if (problem.kind === "newer") return "this page is older than its data: publish the page again";
    if (problem.key === "") return harmless(problem.detail);
    const verb = problem.kind === "offline" ? "could not be fetched" : "cannot be read";
    return `${documentName(problem.key)} ${verb}: ${harmless(problem.detail)}`;
}

function Headline({ rows }: { rows: FleetRow[] }) {
    const sums = sumFleet(rows);
    const isLoading = rows.some((row) => row.loading);
    const said = (value: number | null, noun: string) =>
        isLoading || value === null ? `${isLoading ? "…" : UNKNOWN} ${noun}s` : count(value, noun);
    return (
        <p class="summary" aria-busy={isLoading}>
            <span>{count(sums.clusters, "cluster")}</span>
            <span>
                {said(sums.nodes, "node")}
                {sums.notReady && !isLoading ? <em class="bad"> ({grouped(sums.notReady)} not ready)</em> : ""}
            </span>
            <span>{said(sums.pods, "pod")}</span>
            {!isLoading && sums.without > 0 && (
                <span class="quiet">without {count(sums.without, "cluster")} of which there is nothing to read</span>
            )}
            {sums.troubled > 0 && (
                <strong class="attention">
                    {grouped(sums.troubled)} {sums.troubled === 1 ? "needs" : "need"} a look
                </strong>
            )}
        </p>
    );
}

function ListProblem({ fleet }: { fleet: Fleet }) {
    const problem = fleet.list.problem;
    if (!problem) return null;
    if (problem.kind === "missing" && !fleet.list.value) return <Empty />;
    return <ProblemNotice problem={problem} again={fleet.list.again} />;
}

function Empty() {
    return (
        <Notice tone="info" title="No snapshot yet">
            <p>This store has no cluster so far. A first pass makes one; this page looks again every 30 seconds.</p>
            <Copyable text={`nodetally run --cluster NAME --store ${storeOf(location.href)}`} />
        </Notice>
    );
}
