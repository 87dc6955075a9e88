/** What every component may need: the view, the way to another, the reader's settings, the clock and the store. */
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { View } from "../logic/url";
import type { Library } from "../reading/library";
import type { Go } from "./route";
import type { Settings } from "./settings";

export interface Page {
    view: View;
    go: Go;
    settings: Settings;
    dark: boolean;
    phone: boolean;
    now: number;
    library: Library;
}

export const PageContext = createContext<Page | null>(null);

export function usePage(): Page {
    const page = useContext(PageContext);
    if (!page) throw new Error("usePage outside of a page");
    return page;
}
