/** A command to copy. Where the clipboard is barred, it can be marked by hand. */
import { useState } from "preact/hooks";

const LABEL = "Copy";

export function Copyable({ text }: { text: string }) {
    const [said, setSaid] = useState(LABEL);
    const copy = async () => {
        try {
            await navigator.clipboard.writeText(text);
            setSaid("Copied");
        } catch {
            setSaid("Mark it by hand");
        }
        setTimeout(() => setSaid(LABEL), 2000);
    };
    return (
        <span class="copyable">
            <code>{text}</code>
            <button type="button" onClick={copy} aria-live="polite">
                {said}
            </button>
        </span>
    );
}
