/** Pods that no listed node holds: waiting for one, or bound to one that is gone. Shown, never dropped. */
import { byResource, withUnit } from "../logic/amounts";
import { count, grouped, harmless, UNKNOWN } from "../logic/text";
import type { Place, Snapshot } from "../types/model";

export function Outside({ snapshot }: { snapshot: Snapshot }) {
    const { unscheduled, unknown_nodes } = snapshot;
    const hasWaiting = unscheduled !== null && unscheduled.pods.counted !== 0;
    if (!hasWaiting && !unknown_nodes?.length) return null;
    return (
        <section class="outside" aria-label="Pods outside of the nodes below">
            {hasWaiting && unscheduled && (
                <p>
                    <strong>{said(unscheduled)} without a node</strong> <span class="quiet">{asks(unscheduled)}</span>
                </p>
            )}
            {unknown_nodes?.length ? (
                <details>
                    <summary>
                        <strong>{count(unknown_nodes.length, "node")} with pods, but not listed</strong>
                    </summary>
                    <ul>
                        {unknown_nodes.map((place) => (
                            <li key={place.name}>
                                {harmless(place.name)}: {said(place)} <span class="quiet">{asks(place)}</span>
                            </li>
                        ))}
                    </ul>
                </details>
            ) : null}
        </section>
    );
}

const said = ({ pods: { counted } }: Place): string =>
    counted === null ? `${UNKNOWN} pods` : `${grouped(counted)} pod${counted === 1 ? "" : "s"}`;

const asks = (place: Place): string => `${place.pods.counted === 1 ? "asks" : "ask"} for ${asked(place)}`;

function asked({ resources }: Place): string {
    const names = Object.keys(resources).sort(byResource);
    const parts = names.map((name) => {
        const unit = name === "cpu" || name === "memory" ? "" : ` ${harmless(name)}`;
        return withUnit(name, resources[name]?.requests ?? null) + (name === "memory" ? " memory" : unit);
    });
    return parts.join(", ") || "nothing";
}
