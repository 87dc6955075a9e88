/** The whole page: gives every part its view and settings, and picks fleet or cluster. */
import { useEffect, useMemo, useState } from "preact/hooks";
import { harmless } from "../logic/text";
import { Library } from "../reading/library";
import { useNow } from "../state/loading";
import { PageContext } from "../state/page";
import { go, useView } from "../state/route";
import { useDark, useMedia, useSettings } from "../state/settings";
import { ClusterPage } from "./ClusterPage";
import { FleetPage } from "./FleetPage";
import { Help } from "./Help";
import { useKeys } from "./keys";

export function App() {
    const view = useView();
    const settings = useSettings();
    const dark = useDark(settings.theme);
    const phone = useMedia("(max-width: 700px)");
    const now = useNow();
    const library = useMemo(() => new Library(), []);
    const [help, setHelp] = useState(false);
    useKeys(settings, dark, () => setHelp((old) => !old));
    useEffect(() => {
        document.title = view.cluster === null ? "nodetally" : `${harmless(view.cluster)} · nodetally`;
    }, [view.cluster]);
    const openHelp = () => setHelp(true);
    return (
        <PageContext.Provider value={{ view, go, settings, dark, phone, now, library }}>
            <button type="button" class="skip" onClick={skip}>
                Skip to content
            </button>
            {view.cluster === null ? (
                <FleetPage onHelp={openHelp} />
            ) : (
                <ClusterPage key={view.cluster} name={view.cluster} onHelp={openHelp} />
            )}
            {help && <Help onClose={() => setHelp(false)} />}
        </PageContext.Provider>
    );
}

/** No link: the hash is the view. */
function skip(): void {
    document.getElementById("main")?.focus();
}
