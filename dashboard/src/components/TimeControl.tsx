/** The one control of time: live or a moment, a step back or on, and the strip of the day. */
import { useRef, useState } from "preact/hooks";
import {
    age,
    clockIn,
    DAY,
    dateIn,
    dayBounds,
    exactTime,
    moment,
    shortDate,
    shortTime,
    takenAt,
    zoneName,
} from "../logic/times";
import { staleness } from "../logic/trouble";
import { parseView } from "../logic/url";
import { isoOf, neighbour } from "../reading/days";
import { usePage } from "../state/page";
import type { ClusterIndex } from "../types/derived";
import { DayStrip } from "./DayStrip";
import { useKey } from "./keys";
import { Menu } from "./Menu";
import { MomentInputs } from "./MomentInputs";

const HOUR = DAY / 24;

/** In the fleet a step is an hour: clusters have slots of their own. */
export function FleetTime() {
    const { view, go, now } = usePage();
    const at = view.t === null ? now : Date.parse(view.t);
    const step = (by: -1 | 1) => {
        const to = Math.floor(at / 1000) * 1000 + by * HOUR;
        go({ t: to >= now ? null : isoOf(to) });
    };
    return <Control at={at} step={step} hint="an hour" strip={null} />;
}

/** In a cluster a step is a snapshot. */
export function ClusterTime({ index, slot }: { index: ClusterIndex | null; slot: string | null }) {
    const { view, library, go, now } = usePage();
    const [end, setEnd] = useState<string | null>(null);
    const aimed = useRef<string | null>(null);
    const step = async (by: -1 | 1) => {
        const here = parseView(location.hash).t;
        const from = here !== null && here === aimed.current ? here : slot; // steps do not wait for what they pass by
        if (!index || !from) return;
        const found = await neighbour(library, index, from, by);
        setEnd(found ? null : by < 0 ? "there is no earlier snapshot" : null);
        aimed.current = found?.slot ?? null;
        if (found) go({ t: found.slot === index.last.slot ? null : found.slot });
        else if (by > 0) go({ t: null });
    };
    const at = Date.parse(slot ?? isoOf(Date.now()));
    const isStale = view.t === null && index !== null && staleness(index, now) !== null;
    const old = isStale ? age(now - takenAt(index.last)) : null;
    return <Control at={at} step={step} hint={end ?? "snapshot"} strip={index} old={old} />;
}

interface ControlProps {
    at: number;
    step: (by: -1 | 1) => void;
    hint: string;
    strip: ClusterIndex | null;
    /** How old the newest snapshot is, where it is too old to be called live. */
    old?: string | null;
}

function Control({ at, step, hint, strip, old = null }: ControlProps) {
    const { view, go, settings } = usePage();
    const isLive = view.t === null;
    useKey(",", () => step(-1));
    useKey(".", () => isLive || step(1));
    useKey("l", () => go({ t: null }));
    const label = isLive ? (
        <>
            <i class={old ? "live-sign stale" : "live-sign"} aria-hidden="true" />{" "}
            {old ? <span class="not-on-phone">latest, </span> : "live"}
            {old && `${old} old`}
        </>
    ) : (
        shortTime(at, settings.zone)
    );
    return (
        <div class="time" role="group" aria-label="Time">
            <button
                type="button"
                class="icon"
                onClick={() => step(-1)}
                aria-label={`One step back: ${hint}`}
                title={`Back (,): ${hint}`}
            >
                ◀
            </button>
            <Menu
                label={label}
                name={
                    isLive ? (old ? `Time: latest, ${old} old` : "Time: live") : `Time: ${shortTime(at, settings.zone)}`
                }
                class={isLive ? "" : "not-live"}
                right
            >
                {(close) => <Picker at={at} index={strip} close={close} />}
            </Menu>
            <button
                type="button"
                class="icon"
                disabled={isLive}
                onClick={() => step(1)}
                aria-label={`One step on: ${hint}`}
                title="On (.)"
            >
                ▶
            </button>
        </div>
    );
}

function Picker({ at, index, close }: { at: number; index: ClusterIndex | null; close: () => void }) {
    const { view, go, settings, now } = usePage();
    const { zone } = settings;
    const [day, setDay] = useState(at);
    const [typed, setTyped] = useState({ date: dateIn(at, zone), clock: clockIn(at, zone) });
    const chosen = moment(typed.date, typed.clock, zone);
    const show = (event: Event) => {
        event.preventDefault();
        if (chosen === null) return;
        go({ t: chosen >= now ? null : isoOf(chosen) });
        close();
    };
    const live = () => {
        go({ t: null });
        close();
    };
    const turn = (by: number) => {
        const to = dayBounds(day, zone)[0] + by * DAY + DAY / 2;
        setDay(to);
        setTyped({ ...typed, date: dateIn(to, zone) });
    };
    return (
        <form class="picker" onSubmit={show}>
            <button type="button" class={view.t === null ? "chosen" : ""} onClick={live}>
                <i class="live-sign" aria-hidden="true" /> Live
            </button>
            {index && (
                <>
                    <div class="picker-day">
                        <button type="button" class="icon" onClick={() => turn(-1)} aria-label="The day before">
                            ◀
                        </button>
                        <strong>{shortDate(day, zone)}</strong>
                        <button
                            type="button"
                            class="icon"
                            onClick={() => turn(1)}
                            disabled={dayBounds(day, zone)[1] > now}
                            aria-label="The day after"
                        >
                            ▶
                        </button>
                    </div>
                    <DayStrip index={index} day={day} at={at} onPick={(slot) => go({ t: slot })} />
                </>
            )}
            <MomentInputs {...typed} at={chosen ?? at} set={setTyped} stepSeconds={1} submit="Show" />
            <small>The newest snapshot at or before it, {zoneName(chosen ?? at, zone)}.</small>
        </form>
    );
}

/** Says clearly that this is not now, with one click back. */
export function TimeBand({ slot }: { slot: string | null }) {
    const { view, go, settings, now } = usePage();
    if (view.t === null) return null;
    const at = Date.parse(slot ?? view.t);
    return (
        <div class="band" role="status">
            <span>
                Not live: this is <strong title={exactTime(at, settings.zone)}>{shortTime(at, settings.zone)}</strong>{" "}
                {zoneName(at, settings.zone)}, {at > now ? "which is to come" : `${age(now - at)} ago`}.
            </span>
            <button type="button" onClick={() => go({ t: null })}>
                Back to live
            </button>
        </div>
    );
}
