/** Two moments held against each other: what came, went and moved, the largest first. */
import { useMemo, useState } from "preact/hooks";
import { compare, narrowed } from "../logic/compare";
import { age, clockIn, dateIn, duration, moment, shortTime } from "../logic/times";
import { isoOf } from "../reading/days";
import { usePage } from "../state/page";
import { useVersus } from "../state/versus";
import type { ClusterIndex } from "../types/derived";
import type { Snapshot } from "../types/model";
import { Compared } from "./ChangeTables";
import { Menu } from "./Menu";
import { MomentInputs } from "./MomentInputs";
import { Notice, ProblemNotice } from "./Notice";

const AGO = ["1h", "24h", "7d"];

export function Changes({ snapshot, index }: { snapshot: Snapshot; index: ClusterIndex | null }) {
    const { view, go, settings } = usePage();
    const before = useVersus(snapshot, index, view.versus);
    const other = before.value?.snapshot;
    const whole = useMemo(() => other && compare(other, snapshot), [other, snapshot]);
    const compared = useMemo(() => whole && narrowed(whole, view.q), [whole, view.q]);
    return (
        <section aria-label="Changes" aria-busy={before.loading}>
            <div class="tools">
                <span>against</span>
                <div class="choices" role="group" aria-label="What to compare with">
                    {AGO.map((ago) => (
                        <button
                            key={ago}
                            type="button"
                            aria-pressed={view.versus === ago}
                            onClick={() => go({ versus: ago })}
                        >
                            {ago} ago
                        </button>
                    ))}
                </div>
                <OtherMoment />
                {compared && (
                    <span class="quiet">
                        {shortTime(Date.parse(compared.before.slot), settings.zone)} →{" "}
                        {shortTime(Date.parse(compared.after.slot), settings.zone)},{" "}
                        {age(Math.abs(Date.parse(compared.after.slot) - Date.parse(compared.before.slot)))} apart
                    </span>
                )}
                <label class="choice inline">
                    <input type="checkbox" checked={view.all} onChange={() => go({ all: !view.all })} /> also small
                    changes
                </label>
            </div>
            {!index && <Notice tone="warn" title="Without the cluster's index there is nothing to compare with" />}
            {before.problem &&
                (before.problem.kind === "nothing-then" && index?.first ? (
                    <NothingThen first={index.first.slot} />
                ) : (
                    <ProblemNotice problem={before.problem} again={before.again} />
                ))}
            {before.value?.problems.map((problem) => (
                <ProblemNotice key={problem.key} problem={problem} />
            ))}
            {before.loading && !compared && <p class="table-empty">Reading the other snapshot…</p>}
            {compared &&
                (compared.before.slot === compared.after.slot ? (
                    <Same />
                ) : (
                    <Compared compared={compared} everything={view.all} />
                ))}
        </section>
    );
}

function NothingThen({ first }: { first: string }) {
    const { go, settings } = usePage();
    return (
        <Notice tone="info" title="The store has nothing that old">
            <p>Its first snapshot is of {shortTime(Date.parse(first), settings.zone)}.</p>
            <button type="button" onClick={() => go({ versus: first })}>
                Compare with it
            </button>
        </Notice>
    );
}

function Same() {
    return (
        <Notice tone="info" title="Both moments have the same snapshot">
            <p>The store has nothing between them. Pick an earlier moment.</p>
        </Notice>
    );
}

function OtherMoment() {
    const { view, go, settings, now } = usePage();
    const ago = duration(view.versus);
    const at = ago === null ? Date.parse(view.versus) : now - ago;
    const [typed, setTyped] = useState({
        date: dateIn(at, settings.zone),
        clock: clockIn(at, settings.zone).slice(0, 5),
    });
    const isChosen = !AGO.includes(view.versus);
    return (
        <Menu
            label={isChosen && ago === null ? shortTime(at, settings.zone) : "another moment"}
            name="Compare with another moment"
            class={isChosen ? "chosen" : ""}
        >
            {(close) => (
                <form
                    class="picker"
                    onSubmit={(event) => {
                        event.preventDefault();
                        const to = moment(typed.date, typed.clock, settings.zone);
                        if (to !== null) go({ versus: isoOf(to) });
                        close();
                    }}
                >
                    <MomentInputs {...typed} at={at} set={setTyped} stepSeconds={60} submit="Compare" />
                </form>
            )}
        </Menu>
    );
}
