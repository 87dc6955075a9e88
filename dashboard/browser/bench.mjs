/** How fast the page is: 10 to 5,000 nodes, charts of an hour to 90 days. Medians; writes them to benchmarks/. */
import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { install } from "./bench_page.mjs";
import { launch } from "./support.mjs";

const RUNS = Number(process.env.RUNS ?? 5);
const SITE = process.env.SITE_BUCKET;
const NOW = Date.parse(process.env.STORE_NOW) + 300_000;
const SIZES = [10, 100, 1000, 5000];
const RANGES = { "1h": "1 h", "24h": "1 day", "7d": "7 days", "90d": "90 days" };
const AIMS = { "useful paint": 1000, sort: 100, "longest task": 200 }; // ms, at 5,000 nodes
const FAR = 5; // times the aim: machines are shared, and this is not to fail by chance
const FOLDER = new URL("../../benchmarks/", import.meta.url);
const SCROLL_FRAMES = 60;
const SCROLL_STEP = 56; // px a frame: two rows, as a quick turn of a wheel does

async function opened(browser, hash, use) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, timezoneId: "UTC" });
    try {
        const page = await context.newPage();
        await page.addInitScript(install, NOW);
        await page.goto(SITE + hash, { waitUntil: "commit" });
        return await use(page);
    } finally {
        await context.close();
    }
}

/** A cluster opened, sorted, searched and scrolled, in one page. */
const nodes = (browser, size) =>
    opened(browser, `#/c/nodes-${size}`, (page) =>
        page.evaluate(
            async (scroll) => {
                const { bench } = globalThis;
                const [useful, rows] = [await bench.useful, await bench.rows, await bench.charts];
                const link = () => document.querySelector("tr[aria-rowindex] a")?.getAttribute("href"); // it holds the view
                const until = (act) => {
                    const old = link();
                    return bench.from(act, () => link() !== old);
                };
                const sorted = () => until(() => document.querySelectorAll("th .sorter")[0].click());
                const typed = (text) =>
                    until(() => {
                        const box = document.querySelector("#search");
                        box.value = text;
                        box.dispatchEvent(new Event("input", { bubbles: true }));
                    });
                const [sort, filter, again] = [await sorted(), await typed("1"), await typed("1b")];
                await typed("");
                const box = document.querySelector("table[aria-rowcount]").parentElement;
                const frames = await bench.frames(scroll.frames, () => box.scrollBy(0, scroll.step));
                frames.sort((a, b) => a - b);
                return {
                    "useful paint": useful,
                    "rows in sight": rows,
                    sort,
                    filter,
                    "next letter": again,
                    "scroll, a frame": frames[Math.floor(frames.length / 2)],
                    "scroll, slowest frame": frames.at(-1),
                    "longest task": bench.longest(),
                };
            },
            { frames: SCROLL_FRAMES, step: SCROLL_STEP },
        ),
    );

/** A cluster opened at a range, and its range chosen while it is open. */
async function charts(browser, range) {
    const cold = await opened(browser, `#/c/nodes-5000?range=${range}`, (page) =>
        page.evaluate(async () => {
            const { bench } = globalThis;
            const [time] = [await bench.charts, await bench.rows];
            return { "charts drawn": time, ...bench.downloaded(), "longest task": bench.longest() };
        }),
    );
    const chosen = await opened(browser, `#/c/nodes-5000?range=6h`, (page) =>
        page.evaluate(async (wanted) => {
            const { bench } = globalThis;
            await Promise.all([bench.charts, bench.rows]);
            const button = [...document.querySelectorAll(".charts-foot button")].find(
                (each) => each.textContent === wanted,
            );
            return bench.from(
                () => button.click(),
                () => button.getAttribute("aria-pressed") === "true" && bench.drawn(),
            );
        }, range),
    );
    return { ...cold, "chosen, from 6 h": chosen };
}

/** Each case warmed once, then all of them in turn, RUNS times; the median of every figure. */
async function measured(cases, measure) {
    const runs = new Map(cases.map((each) => [each, []]));
    for (const each of cases) await measure(each);
    for (let run = 0; run < RUNS; run++) for (const each of cases) runs.get(each).push(await measure(each));
    return Object.fromEntries([...runs].map(([each, found]) => [each, medians(found)]));
}

function medians(runs) {
    const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
    return Object.fromEntries(
        Object.keys(runs[0]).map((name) => [name, Math.round(median(runs.map((run) => run[name])) * 10) / 10]),
    );
}

/** A table with a line for each figure and a column for each case. */
function table(title, heads, results, said) {
    const cases = Object.values(results);
    const names = Object.keys(cases[0]);
    const lines = names.map((name) => [name, ...cases.map((found) => said(name, found[name]))]);
    return [[title, ...heads], ["---", ...heads.map(() => "--:")], ...lines]
        .map((cells) => `| ${cells.join(" | ")} |`)
        .join("\n");
}

const inWords = (name, value) =>
    name === "requests"
        ? String(value)
        : name === "bytes"
          ? `${Math.round(value / 1000).toLocaleString("en")} kB`
          : `${name.startsWith("scroll") ? value : Math.round(value)} ms`;

function write(report, text) {
    writeFileSync(new URL("page.json", FOLDER), `${JSON.stringify(report, null, 2)}\n`);
    const file = new URL("page.md", FOLDER);
    const [head, , tail] = readFileSync(file, "utf8").split(/(?<=<!-- figures -->\n)|(?=<!-- end -->)/);
    writeFileSync(file, `${head}\n${text}\n\n${tail}`);
}

const { browser, close } = await launch();
try {
    const bySize = await measured(SIZES, (size) => nodes(browser, size));
    const byRange = await measured(Object.keys(RANGES), (range) => charts(browser, range));
    const machine = { processors: cpus().length, chromium: browser.version(), runs: RUNS };
    const text = [
        `${RUNS} runs, medians; Chromium ${browser.version()}, ${cpus().length} processors, an S3 server on the same machine.`,
        table(
            "nodes",
            SIZES.map((size) => size.toLocaleString("en")),
            bySize,
            inWords,
        ),
        table("5,000 nodes, charts of", Object.values(RANGES), byRange, inWords),
    ].join("\n\n");
    console.log(text);
    write({ machine, nodes: bySize, ranges: byRange }, text);
    const far = Object.entries(AIMS).filter(([name, aim]) => bySize[5000][name] > aim * FAR);
    for (const [name, aim] of far) console.error(`${name}: more than ${FAR} times ${aim} ms`);
    process.exitCode = far.length ? 1 : 0;
} finally {
    await close();
}
