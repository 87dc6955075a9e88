/** The page's head: where one is, search, time, zone, theme, help. */
import type { ComponentChildren } from "preact";
import { harmless } from "../logic/text";
import { zoneName } from "../logic/times";
import { formatView, HOME } from "../logic/url";
import { usePage } from "../state/page";
import { THEMES } from "../state/settings";

interface Props {
    onHelp: () => void;
    searchFor: string;
    time: ComponentChildren;
}

export function Header({ onHelp, searchFor, time }: Props) {
    const { view } = usePage();
    return (
        <header class="top">
            <nav aria-label="Where you are">
                <a class="brand" href={formatView({ ...HOME, t: view.t })}>
                    <span>nodetally</span>
                </a>
                {view.cluster !== null && (
                    <>
                        <span class="quiet" aria-hidden="true">
                            /
                        </span>
                        <h1>{harmless(view.cluster)}</h1>
                    </>
                )}
            </nav>
            <Search what={searchFor} />
            <div class="top-right">
                {time}
                <ZoneSwitch />
                <ThemeSwitch />
                <button type="button" class="icon" onClick={onHelp} aria-label="Help: keys and legend" title="Help (?)">
                    ?
                </button>
            </div>
        </header>
    );
}

function Search({ what }: { what: string }) {
    const { view, go } = usePage();
    const label = `Search ${what}`;
    return (
        <input
            id="search"
            type="search"
            value={view.q}
            placeholder={`${label}  /`}
            aria-label={label}
            spellcheck={false}
            autocomplete="off"
            onInput={(event) => go({ q: event.currentTarget.value }, "replace")}
            onKeyDown={(event) => {
                if (event.key !== "Escape") return;
                event.preventDefault(); // a browser would empty the box without saying so
                event.currentTarget.blur();
            }}
        />
    );
}

function ZoneSwitch() {
    const { settings, now } = usePage();
    const other = settings.zone === "utc" ? "local" : "utc";
    const said = zoneName(now, settings.zone);
    const label = `Zone of times: ${said}; switch to ${other === "utc" ? "UTC" : `local (${zoneName(now, other)})`}`;
    return (
        <button type="button" class="icon" onClick={() => settings.setZone(other)} title={label} aria-label={label}>
            {said}
        </button>
    );
}

const SIGNS = { system: "◐", light: "○", dark: "●" } as const;

function ThemeSwitch() {
    const { settings } = usePage();
    const next = THEMES[(THEMES.indexOf(settings.theme) + 1) % THEMES.length] ?? "system";
    const label = `Theme: ${settings.theme}; switch to ${next}`;
    return (
        <button
            type="button"
            class="icon"
            onClick={() => settings.setTheme(next)}
            title={`${label} (t)`}
            aria-label={label}
        >
            {SIGNS[settings.theme]}
        </button>
    );
}
