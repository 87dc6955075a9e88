import { readdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { expect, test } from "vitest";

const FOLDERS = [
    "browser",
    "tests/components",
    "tests/logic",
    "scripts",
    "tests/reading",
    "../tests/unit",
    "../tests/contract",
];
const files = new Map(
    FOLDERS.flatMap((folder) =>
        readdirSync(folder)
            .filter((name) => /\.(mjs|tsx?|py)$/.test(name))
            .map((name) => [basename(name).replace(/(\.test)?\.\w+$/, ""), readFileSync(`${folder}/${name}`, "utf8")]),
    ),
);
const named = [...readFileSync("browser/README.md", "utf8").matchAll(/(\w+) “([^”]+)”/g)].map(([, file, part]) => [
    file,
    part,
]);

test("what the table of promises names is there", () => {
    expect(named.length).toBeGreaterThan(80);
    expect(named.filter(([file, part]) => !files.get(file)?.includes(part))).toEqual([]);
});
