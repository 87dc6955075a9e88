/** Script and style of the built page, gzip, together: prints them, and fails beyond the budget. */
import { readdirSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const ASSETS = new URL("../../job/nodetally/dashboard/page/assets/", import.meta.url);
const BUDGET_BYTES = 80_000; // the dashboard's budget: a second on a slow phone's connection

let total = 0;
for (const name of readdirSync(ASSETS).sort()) {
    const body = readFileSync(new URL(name, ASSETS));
    const packed = gzipSync(body, { level: 9 }).length;
    total += packed;
    console.log(`${name}: ${body.length} bytes, ${packed} gzip`);
}
console.log(`together ${total} of ${BUDGET_BYTES} bytes gzip`);
if (total > BUDGET_BYTES) process.exit(1);
