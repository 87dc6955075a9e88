/** The address ↔ the view that every component reads. The address is the one place where a view is kept. */
import { useEffect, useState } from "preact/hooks";
import { formatView, parseView, type View } from "../logic/url";

/** `replace` is for what is typed or dragged: the back button shall not walk through every key stroke. */
export type Go = (patch: Partial<View>, how?: "push" | "replace") => void;

const MOVED = "nodetally:moved"; // replaceState tells nobody by itself

export const go: Go = (patch, how = "push") => {
    const next = formatView({ ...parseView(location.hash), ...patch });
    if (next === location.hash) return;
    if (how === "push") location.hash = next;
    else {
        history.replaceState(null, "", next);
        dispatchEvent(new Event(MOVED));
    }
};

export function useView(): View {
    const [view, setView] = useState(() => parseView(location.hash));
    useEffect(() => {
        const read = () => setView(parseView(location.hash));
        for (const event of ["hashchange", MOVED]) addEventListener(event, read);
        return () => {
            for (const event of ["hashchange", MOVED]) removeEventListener(event, read);
        };
    }, []);
    return view;
}
