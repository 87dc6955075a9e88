/** Keys and the legend: a dialog that gives the focus back. */
import { useEffect, useRef } from "preact/hooks";
import { KEYS } from "./keys";
import { Legend } from "./Legend";

export function Help({ onClose }: { onClose: () => void }) {
    const dialog = useRef<HTMLDialogElement>(null);
    useEffect(() => dialog.current?.showModal(), []);
    return (
        <dialog class="help" ref={dialog} onClose={onClose} aria-labelledby="help-title">
            <h2 id="help-title">Keys</h2>
            <dl class="keys">
                {KEYS.map(([keys, does]) => (
                    <div key={keys}>
                        <dt>
                            {keys.split(" ").map((key) => (
                                <kbd key={key}>{key}</kbd>
                            ))}
                        </dt>
                        <dd>{does}</dd>
                    </div>
                ))}
            </dl>
            <h2>What the bars say</h2>
            <Legend />
            <button type="button" onClick={() => dialog.current?.close()}>
                Close
            </button>
        </dialog>
    );
}
