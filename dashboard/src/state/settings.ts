/** What a reader prefers on this device: theme and time zone. Kept in the browser; works without where that is barred. */
import { useEffect, useLayoutEffect, useState } from "preact/hooks";
import type { Zone } from "../logic/times";

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

export interface Settings {
    theme: Theme;
    zone: Zone;
    setTheme: (theme: Theme) => void;
    setZone: (zone: Zone) => void;
}

function kept<T extends string>(key: string, allowed: readonly T[], otherwise: T): T {
    try {
        const found = localStorage.getItem(`nodetally.${key}`);
        return allowed.find((each) => each === found) ?? otherwise;
    } catch {
        return otherwise;
    }
}

function keep(key: string, value: string): void {
    try {
        localStorage.setItem(`nodetally.${key}`, value);
    } catch {
        // Storage is barred: the choice then lasts as long as the page.
    }
}

export function useSettings(): Settings {
    const [theme, setTheme] = useState(() => kept("theme", THEMES, "system"));
    const [zone, setZone] = useState<Zone>(() => kept("zone", ["local", "utc"], "local"));
    document.documentElement.dataset.theme = theme; // at once: canvases read the style sheet's colours as they are drawn
    useLayoutEffect(() => keep("theme", theme), [theme]); // with the colours: a choice that is seen outlives a reload
    useLayoutEffect(() => keep("zone", zone), [zone]);
    return { theme, zone, setTheme, setZone };
}

/** What the eye sees: "system" resolved. Canvases are drawn again when it changes. */
export function useDark(theme: Theme): boolean {
    const system = useMedia("(prefers-color-scheme: dark)");
    return theme === "system" ? system : theme === "dark";
}

export function useMedia(query: string): boolean {
    const [matches, setMatches] = useState(() => matchMedia(query).matches);
    useEffect(() => {
        const media = matchMedia(query);
        const read = () => setMatches(media.matches);
        read();
        media.addEventListener("change", read);
        return () => media.removeEventListener("change", read);
    }, [query]);
    return matches;
}
