/** Points in, the path of a small line out: gaps stay gaps. Pure. */
import type { Point } from "../types/derived";
import { fullness } from "./nodes";
import { gapsIn } from "./series";
import { DAY } from "./times";

/** Requests of allocatable in the day up to the last point, as an SVG path in a box; "" where nothing is known. */
export function sparkPath(points: readonly Point[], resource: string, width: number, height: number): string {
    const times = points.map((point) => Date.parse(point.slot) / 1000);
    const shares = points.map((point) => shareOf(point, resource));
    const known = shares.filter((share) => share !== null);
    const last = times.at(-1);
    if (known.length < 2 || last === undefined) return "";
    const first = Math.min(last - DAY / 1000, times[0] as number); // an hour is not drawn as long as a day
    const [least, most] = [Math.min(...known), Math.max(...known)];
    const room = Math.max(most - least, 0.05); // a move of less than five points is not made to look like one
    const middle = (least + most) / 2;
    const broken = new Set(gapsIn(times).map(([, to]) => to));
    let [path, pen] = ["", false];
    for (const [at, share] of shares.entries()) {
        const time = times[at] as number;
        if (share === null) {
            pen = false;
            continue;
        }
        const x = ((time - first) / (last - first)) * width;
        const y = height / 2 - ((share - middle) / room) * height;
        path += `${pen && !broken.has(time) ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
        pen = true;
    }
    return path;
}

function shareOf({ totals }: Point, resource: string): number | null {
    const share = fullness(totals, resource);
    return share !== null && Number.isFinite(share) ? share : null;
}
