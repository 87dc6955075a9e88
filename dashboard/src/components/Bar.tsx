/** The one bar of this page: requests, headroom, usage and limits on a track that is allocatable. */
import { percentage } from "../logic/amounts";
import { absolute, absoluteBare, barHover, barWords, type Figures, isMeasured, shapeOf, TRACK } from "../logic/bar";

interface Props {
    resource: string;
    figures: Figures;
    /** Why usage is unknown, for hovering. */
    reason?: string | null;
    /** Leave the unit out: the column's title holds it. */
    bare?: boolean;
    name?: string;
    /** How many signs the longest amounts of the column have, so that its bars are equally long. */
    signs?: number | undefined;
}

const percent = (value: number): string => `${value}%`;

export function Bar({ resource, figures, reason = null, bare = false, name, signs }: Props) {
    const { requests = null, allocatable = null } = figures;
    const said = (bare ? absoluteBare : absolute)(resource, requests, allocatable);
    return (
        <span
            class="bar"
            title={barHover(resource, figures, reason)}
            style={signs === undefined ? undefined : { "--signs": String(signs) }}
        >
            <BarDrawing figures={figures} label={barWords(resource, figures, name)} measured={isMeasured(resource)} />
            <b class="bar-share">{percentage(requests, allocatable)}</b>
            <small class="bar-amounts">{said}</small>
        </span>
    );
}

interface DrawingProps {
    figures: Figures;
    label: string;
    /** Whether there could be a usage: only then is its absence marked. */
    measured?: boolean;
}

export function BarDrawing({ figures, label, measured = true }: DrawingProps) {
    const shape = shapeOf(figures);
    return (
        <span class={measured ? "bar-drawing measured" : "bar-drawing"} role="img" aria-label={label}>
            <span
                class={shape.requests === null ? "bar-track unknown" : "bar-track"}
                style={{ width: percent(TRACK) }}
            />
            {shape.requests !== null && <span class="bar-requests" style={{ width: percent(shape.requests) }} />}
            {shape.over > 0 && <span class="bar-over" style={{ left: percent(TRACK), width: percent(shape.over) }} />}
            {shape.usage !== null && <span class="bar-usage" style={{ width: percent(shape.usage) }} />}
            {shape.limits !== null && <span class="bar-limits" style={{ left: percent(shape.limits) }} />}
            {(shape.limitsBeyond || shape.cut) && <span class="bar-beyond" />}
            {measured && shape.usage === null && <span class="bar-unknown">?</span>}
        </span>
    );
}
