/** The words of the bars, a sentence each, beside a bar that shows them all. */
import { BarDrawing } from "./Bar";

const WORDS: [string, string, string][] = [
    ["requests", "requests", "What pods have asked for: kubectl describe node adds up the same."],
    ["headroom", "headroom", "Allocatable minus requests; may be negative."],
    ["usage", "usage", "What metrics.k8s.io measured; a ? stands where it is unknown."],
    ["limits", "limits", "How far pods may go: a tick, or ▸ when past the drawing."],
    ["over", "over 100%", "Requests beyond allocatable: another colour, and striped."],
    ["allocatable", "allocatable", "What the node has for pods: the length of the track."],
];

export function Legend() {
    return (
        <div class="legend">
            <BarDrawing
                figures={{ allocatable: 100, requests: 62, usage: 31, limits: 80 }}
                label="A bar with all its parts"
            />
            <BarDrawing
                figures={{ allocatable: 100, requests: 108, usage: 44, limits: 190 }}
                label="A bar of a node of which more is requested than it has"
            />
            <dl>
                {WORDS.map(([key, word, says]) => (
                    <div key={key}>
                        <dt>
                            <i class={`swatch ${key}`} aria-hidden="true" /> {word}
                        </dt>
                        <dd>{says}</dd>
                    </div>
                ))}
            </dl>
        </div>
    );
}
