/** A cluster's totals now and a day before in, its six numbers out. Pure. */
import type { SmallTotals } from "../types/derived";
import { amount, exact, percentage, signed, unitOf } from "./amounts";
import { ABSENT, grouped, numberText, UNKNOWN } from "./text";
import { FULL_SHARE } from "./trouble";

export interface Headline {
    label: string;
    big: string;
    small: string;
    /** Against 24 h ago; null where that is not known. */
    change: string | null;
    hover: string;
    /** What of it is alarming: the number itself, or the words below it. */
    bad: "big" | "small" | null;
    /** It is unknown because a usage is: what the snapshot says of its usage tells why. */
    unmeasured: boolean;
}

export function headlineOf(now: SmallTotals, before: SmallTotals | null): Headline[] {
    return [
        nodes(now, before),
        pods(now, before),
        share("cpu", "requests", now, before),
        share("memory", "requests", now, before),
        share("cpu", "usage", now, before),
        share("memory", "usage", now, before),
    ];
}

function nodes({ nodes: now }: SmallTotals, before: SmallTotals | null): Headline {
    const [all, ready] = [now.count, now.ready];
    const missing = all === null || ready === null ? 0 : all - ready;
    const cordoned = ready === null || now.schedulable === null ? 0 : ready - now.schedulable;
    const parts = [missing ? `${grouped(missing)} not ready` : "", cordoned ? `${grouped(cordoned)} cordoned` : ""];
    return {
        label: "nodes",
        big: numberText(all),
        small: parts.filter(Boolean).join(", ") || (all ? "all ready" : ""),
        change: change("", all, before?.nodes.count),
        hover: `${numberText(ready)} of ${numberText(all)} ready, ${numberText(now.schedulable)} take new pods`,
        bad: missing > 0 ? "small" : null,
        unmeasured: false,
    };
}

function pods({ pods: now, nodes: { count } }: SmallTotals, before: SmallTotals | null): Headline {
    const each = now.counted !== null && count ? `${(now.counted / count).toFixed(1)} a node` : "";
    return {
        label: "pods",
        big: numberText(now.counted),
        small: each,
        change: change("", now.counted, before?.pods.counted),
        hover: "pods bound to a node that are not terminal",
        bad: null,
        unmeasured: false,
    };
}

function share(resource: string, part: "requests" | "usage", now: SmallTotals, before: SmallTotals | null): Headline {
    const found = Object.hasOwn(now.resources, resource) ? now.resources[resource] : undefined;
    const isNothing = !found && now.nodes.count === 0;
    const { [part]: value = null, allocatable = null } = found ?? {};
    return {
        label: `${resource} ${part}`,
        big: isNothing ? ABSENT : percentage(value, allocatable),
        small: isNothing
            ? `no ${resource}`
            : `${amount(resource, value)} / ${amount(resource, allocatable)} ${unitOf(resource)}`,
        change: change(resource, value, before?.resources[resource]?.[part]),
        hover: `${part} ${exact(resource, value)} of ${exact(resource, allocatable)} allocatable`,
        bad: value !== null && allocatable !== null && value > allocatable * FULL_SHARE ? "big" : null,
        unmeasured: part === "usage" && !isNothing && value === null,
    };
}

/** Nothing is said of a change where the number itself is not known. */
export function changeWords({ big, change }: Headline): string {
    if (change === null) return big === UNKNOWN ? "" : "24 h ago: unknown";
    return change === "0" ? "as 24 h ago" : `${change} in 24 h`;
}

function change(resource: string, now: number | null, before: number | null | undefined): string | null {
    return now === null || before == null ? null : signed(resource, now - before);
}
