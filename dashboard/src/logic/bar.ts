/** One resource's figures in, the geometry and the words of its bar out. Pure. The track is allocatable. */
import type { SmallResource } from "../types/derived";
import { amount, exact, inWords, percentage, unitOf, withUnit } from "./amounts";
import { harmless } from "./text";

/** Where the track ends, in percent of the bar's width: what lies beyond it is room for more than allocatable. */
export const TRACK = 86;

export interface BarShape {
    /** Percent of the width; null: not drawn, because it is unknown. */
    requests: number | null;
    /** How far requests reach beyond the track. */
    over: number;
    usage: number | null;
    limits: number | null;
    /** Limits lie beyond the drawing: an arrow at the end says so. */
    limitsBeyond: boolean;
    /** Something is past what is drawn. */
    cut: boolean;
}

export type Figures = { [P in keyof SmallResource]?: number | null };

export function shapeOf({ allocatable = null, requests = null, limits = null, usage = null }: Figures): BarShape {
    const at = (value: number | null): number | null => {
        if (value === null || allocatable === null) return null;
        if (allocatable <= 0) return value > 0 ? Number.POSITIVE_INFINITY : 0;
        return Math.max(0, (value / allocatable) * TRACK);
    };
    const [asked, capped] = [at(requests), at(limits)];
    return {
        requests: asked === null ? null : Math.min(asked, TRACK),
        over: asked === null ? 0 : Math.min(100, Math.max(TRACK, asked)) - TRACK,
        usage: inside(at(usage)),
        limits: !capped || capped > 100 ? null : capped, // 0: no pod has any
        limitsBeyond: capped !== null && capped > 100,
        cut: asked !== null && asked > 100,
    };
}

/** metrics.k8s.io measures these two and no other. */
export const isMeasured = (resource: string): boolean => resource === "cpu" || resource === "memory";

const inside = (value: number | null): number | null => (value === null ? null : Math.min(100, value));

/** "12.4 / 15.9 cores" */
export function absolute(resource: string, part: number | null, whole: number | null): string {
    return `${amount(resource, part)} / ${withUnit(resource, whole)}`;
}

/** "12.4 / 15.9", for a column whose title holds the unit. */
export const absoluteBare = (resource: string, part: number | null, whole: number | null): string =>
    `${amount(resource, part)} / ${amount(resource, whole)}`;

const minus = (a: number | null, b: number | null): number | null => (a === null || b === null ? null : a - b);

/** The bar in one sentence, for those who do not see it. */
export function barWords(resource: string, figures: Figures, name = resource): string {
    const { allocatable = null, requests = null, limits = null, usage = null } = figures;
    const said = (value: number | null) => (value === null ? "unknown" : withUnit(resource, value));
    const share = percentage(requests, allocatable);
    return (
        `${harmless(name)}: requests ${inWords(share)} of allocatable, ${said(requests)} of ${said(allocatable)}; ` +
        `${isMeasured(resource) ? `usage ${said(usage)}; ` : ""}limits ${said(limits)}; headroom ${said(minus(allocatable, requests))}`
    );
}

/** Exact integers, a line each: what hovering shows. */
export function barHover(resource: string, figures: Figures, reason: string | null = null): string {
    const { allocatable = null, requests = null, limits = null, usage = null } = figures;
    const lines: [string, number | null][] = [
        ["requests", requests],
        ["limits", limits],
        ["usage", usage],
        ["headroom", minus(allocatable, requests)],
        ["allocatable", allocatable],
    ];
    const unit = unitOf(resource);
    return lines
        .filter(([name]) => name !== "usage" || isMeasured(resource))
        .map(([name, value]) => {
            const why = value === null && name === "usage" && reason ? ` (${harmless(reason)})` : "";
            const short = value === null || !unit ? "" : ` = ${withUnit(resource, value)}`;
            return `${name}: ${exact(resource, value)}${short}${why}`;
        })
        .join("\n");
}
