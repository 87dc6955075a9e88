/** The page's folders know only those below them, each file says its place, and no value is exported for nobody. */
import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { describe, expect, test } from "vitest";

const LAYERS = ["types", "reading", "logic", "state", "components", "."]; // from the store's documents to what is seen
const filesIn = (folder) =>
    readdirSync(folder, { recursive: true })
        .filter((name) => /\.(tsx?|mjs)$/.test(name))
        .map((name) => join(folder, name));
const SOURCES = filesIn("src");
const texts = new Map([...SOURCES, ...filesIn("tests")].map((file) => [file, readFileSync(file, "utf8")]));
const layer = (file) => LAYERS.indexOf(relative("src", dirname(file)) || ".");

describe.each(SOURCES)("%s", (file) => {
    const text = texts.get(file);
    test("imports from its own layer and those below", () => {
        const named = [...text.matchAll(/from "(\.[^"]+)"/g)].map(([, name]) => join(dirname(file), name));
        expect(named.filter((each) => layer(each) > layer(file))).toEqual([]);
    });
    test("says its place first", () => expect(text).toMatch(/^\/\*\*|^\/\/ Made by/));
    test("exports no value that nobody imports", () => {
        const stem = `/${basename(file).replace(/\.tsx?$/, "")}"`;
        const names = [...text.matchAll(/^export (?:async )?(?:function|class|const) (\w+)/gm)];
        const others = [...texts]
            .filter(([other, each]) => other !== file && each.includes(stem))
            .map(([, each]) => each);
        const isImported = (name) => others.some((each) => new RegExp(`\\b${name}\\b`).test(each));
        expect(names.map(([, name]) => name).filter((name) => !isImported(name))).toEqual([]);
    });
});
