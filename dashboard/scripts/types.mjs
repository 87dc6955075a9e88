/**
 * The job's JSON Schema in, the page's types of a snapshot out: `npm run types` writes src/types/snapshot.ts.
 * A test compares what is committed with what this makes.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const SCHEMA = new URL("../../job/nodetally/snapshot.schema.json", import.meta.url);
const TYPES = new URL("../src/types/snapshot.ts", import.meta.url);

export function typesOf(schema) {
    const blocks = Object.entries(schema.$defs).map(([name, each]) => interfaceOf(name, each));
    return `// Made by scripts/types.mjs from the job's snapshot.schema.json: npm run types\n\n${blocks.join("\n")}`;
}

function interfaceOf(name, definition) {
    const required = new Set(definition.required);
    const lines = Object.entries(definition.properties).map(
        ([key, each]) => `    ${key}${required.has(key) ? "" : "?"}: ${typeOf(each)};\n`,
    );
    return `/** ${definition.description} */\nexport interface ${name} {\n${lines.join("")}}\n`;
}

const PLAIN = { string: "string", integer: "number", number: "number", boolean: "boolean", null: "null" };

function typeOf(each) {
    if (each.$ref) return each.$ref.split("/").at(-1);
    if ("const" in each) return JSON.stringify(each.const);
    if (each.enum) return each.enum.map((value) => JSON.stringify(value)).join(" | ");
    if (each.type === "array") return `${typeOf(each.items)}[]`;
    if (each.type === "object") return `Record<string, ${typeOf(each.additionalProperties)}>`;
    return [each.type]
        .flat()
        .map((type) => PLAIN[type])
        .join(" | ");
}

export const currentTypes = () => typesOf(JSON.parse(readFileSync(SCHEMA, "utf8")));

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(TYPES, currentTypes());
