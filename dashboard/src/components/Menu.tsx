/** A button that opens a small panel; Escape, a click elsewhere and leaving by Tab close it. */
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";

interface Props {
    label: ComponentChildren;
    /** What the button and the panel are called, where the label is not words. */
    name?: string;
    class?: string;
    right?: boolean;
    children: (close: () => void) => ComponentChildren;
}

export function Menu({ label, name, class: given = "", right = false, children }: Props) {
    const [isOpen, setOpen] = useState(false);
    const root = useRef<HTMLDivElement>(null);
    const id = useId();
    useEffect(() => {
        if (!isOpen) return;
        const outside = (event: Event) => root.current?.contains(event.target as Element) || setOpen(false);
        addEventListener("pointerdown", outside);
        root.current?.querySelector<HTMLElement>(".menu-panel input, .menu-panel button")?.focus();
        return () => removeEventListener("pointerdown", outside);
    }, [isOpen]);
    const escaped = (event: KeyboardEvent) => {
        if (event.key !== "Escape" || !isOpen) return;
        event.preventDefault();
        event.stopPropagation();
        setOpen(false);
        root.current?.querySelector("button")?.focus();
    };
    const left = (event: FocusEvent) => {
        const to = event.relatedTarget as Element | null;
        if (isOpen && to && !root.current?.contains(to)) setOpen(false);
    };
    return (
        // biome-ignore lint/a11y/noStaticElementInteractions: it only hears Escape on its way up
        <div class={`menu ${given}`} ref={root} onKeyDown={escaped} onFocusOut={left}>
            <button
                type="button"
                aria-expanded={isOpen}
                aria-controls={isOpen ? id : undefined}
                aria-label={name}
                onClick={() => setOpen(!isOpen)}
            >
                {label}
            </button>
            {isOpen && (
                <div class={right ? "menu-panel right" : "menu-panel"} id={id} role="group" aria-label={name}>
                    {children(() => setOpen(false))}
                </div>
            )}
        </div>
    );
}
