/** What a reader takes along: the snapshot as JSON, and the command that shows the same. */
import { useState } from "preact/hooks";
import { commandOf, leftOut, storeOf } from "../logic/command";
import { size } from "../logic/text";
import { fetchText } from "../reading/fetching";
import { asProblem } from "../reading/problem";
import type { Shown } from "../state/cluster";
import { usePage } from "../state/page";
import { Copyable } from "./Copyable";
import { Menu } from "./Menu";
import { save } from "./save";

export function Takeaway({ shown }: { shown: Shown }) {
    const { view } = usePage();
    const [said, setSaid] = useState("");
    const without = leftOut(view).map((what, at) => `${at ? "," : ", without"} ${what}`);
    const download = async () => {
        try {
            const name = shown.key.split("/").at(-1)?.replace(".gz", "");
            save(`${shown.snapshot.cluster}-${name}`, "application/json", await fetchText(shown.key));
            setSaid("");
        } catch (error) {
            setSaid(`could not be fetched: ${asProblem(error).detail}`);
        }
    };
    return (
        <span class="takeaway">
            {said && <span class="bad">{said}</span>}
            <button type="button" onClick={download} title={`As it is stored, unpacked; ${size(shown.bytes)} to read`}>
                JSON
            </button>
            <Menu label="Command" right>
                {() => (
                    <>
                        <p>
                            {[view.tab === "namespaces" ? "The nodes" : "The same", " in a terminal", ...without].join(
                                "",
                            )}
                            :
                        </p>
                        <Copyable text={commandOf(view, storeOf(location.href), shown.snapshot.slot)} />
                    </>
                )}
            </Menu>
        </span>
    );
}
