/** A day of cpu requests as a share of allocatable: a glance, with its words. */
import { percentage } from "../logic/amounts";
import { sparkPath } from "../logic/spark";
import { age } from "../logic/times";
import type { Point } from "../types/derived";

const [WIDTH, HEIGHT] = [110, 20];

export function Sparkline({ points }: { points: readonly Point[] }) {
    const path = sparkPath(points, "cpu", WIDTH, HEIGHT - 4);
    if (!path) return <span class="quiet">–</span>;
    const [first, last] = [points[0], points.at(-1)].map((point) => {
        const cpu = point?.totals.resources.cpu;
        return percentage(cpu?.requests ?? null, cpu?.allocatable ?? null);
    });
    const span = age(Date.parse(points.at(-1)?.slot ?? "") - Date.parse(points[0]?.slot ?? ""));
    const words = `cpu requests of allocatable in the ${span} up to the last snapshot: from ${first} to ${last}`;
    return (
        <svg
            class="spark"
            width={WIDTH}
            height={HEIGHT}
            viewBox={`0 -2 ${WIDTH} ${HEIGHT}`}
            role="img"
            aria-label={words}
        >
            <title>{words}</title>
            <path d={path} />
        </svg>
    );
}
