/** Which columns the table has: a box for each, under the heading that it belongs to. */
import type { Columns } from "../logic/columns";
import { harmless } from "../logic/text";
import { usePage } from "../state/page";
import { Menu } from "./Menu";

export function ColumnChooser({ columns, shown }: { columns: Columns; shown: readonly string[] }) {
    const { go, view } = usePage();
    const groups = [...new Set(columns.all.map((column) => column.group))];
    const toggle = (key: string) => {
        const next = shown.includes(key) ? shown.filter((each) => each !== key) : inOrder(columns, [...shown, key]);
        go({ columns: next });
    };
    return (
        <Menu label="Columns" right class={view.columns ? "chosen" : ""}>
            {() => (
                <>
                    {groups.map((group) => (
                        <fieldset key={group} class="two">
                            <legend>{harmless(group)}</legend>
                            {columns.all
                                .filter((column) => column.group === group && column.key !== "name")
                                .map((column) => (
                                    <label key={column.key} class="choice">
                                        <input
                                            type="checkbox"
                                            checked={shown.includes(column.key)}
                                            onChange={() => toggle(column.key)}
                                        />
                                        <span>{column.kind === "bar" ? `${column.title} bar` : column.title}</span>
                                    </label>
                                ))}
                        </fieldset>
                    ))}
                    <button type="button" onClick={() => go({ columns: null })}>
                        The usual ones
                    </button>
                </>
            )}
        </Menu>
    );
}

/** A new column comes where the list of all has it; the others keep their order. */
function inOrder(columns: Columns, keys: string[]): string[] {
    const order = columns.all.map((column) => column.key);
    return keys.sort((a, b) => order.indexOf(a) - order.indexOf(b));
}
