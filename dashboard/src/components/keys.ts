/** Keys that work everywhere on the page: / t ? ; those of tables and of time are with their parts. */
import { useLayoutEffect, useRef } from "preact/hooks";
import type { Settings } from "../state/settings";

export const KEYS: [string, string][] = [
    ["/", "search"],
    ["j k ↓ ↑", "next and previous row"],
    ["Enter", "open the row"],
    ["Esc", "close panel, menu or help; leave the search"],
    [", .", "previous and next snapshot"],
    ["l", "back to live"],
    ["t", "light or dark"],
    ["?", "this help"],
];

export function useKeys(settings: Settings, dark: boolean, toggleHelp: () => void): void {
    useKey("/", () => document.querySelector<HTMLInputElement>("#search")?.focus());
    useKey("t", () => settings.setTheme(dark ? "light" : "dark"));
    useKey("?", toggleHelp);
}

/** Calls on a key, unless somebody is writing. What is on the screen hears keys: it does not wait for a first frame. */
export function useKey(key: string, act: () => void): void {
    const current = useRef(act);
    current.current = act;
    useLayoutEffect(() => {
        const pressed = (event: KeyboardEvent) => {
            if (event.key !== key || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
            if ((event.target as Element).closest("input:not([type=checkbox]), textarea, select")) return;
            event.preventDefault();
            current.current();
        };
        addEventListener("keydown", pressed);
        return () => removeEventListener("keydown", pressed);
    }, [key]);
}
