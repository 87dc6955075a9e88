/** The page's types are those of the job's schema. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { currentTypes } from "../../scripts/types.mjs";

test("src/types/snapshot.ts is what npm run types makes of the schema", () => {
    expect(readFileSync(new URL("../../src/types/snapshot.ts", import.meta.url), "utf8")).toBe(currentTypes());
});
