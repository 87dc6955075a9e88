/** How fast the page is with 5,000 nodes: best and median of several runs; fails only when far beyond the aim. */
import { launch, NOW } from "./support.mjs";

const RUNS = Number(process.env.RUNS ?? 5);
const SITES = { bucket: process.env.SITE_BUCKET, serve: process.env.SITE_SERVE };
const AIMS = { "useful paint": 1000, "rows in sight": 1500, sort: 100, filter: 100, scroll: 100, "longest task": 200 }; // ms; issue 6, and the same scale for the rest
const FAR = 5; // times the aim: machines are shared, and this is not to fail by chance

/** Runs in the page: what is measured is from the event to the frame after the rows have changed. */
const timed = `async (act, done) => {
    const start = performance.now();
    act();
    while (!done()) await new Promise((next) => requestAnimationFrame(next));
    await new Promise((next) => requestAnimationFrame(next));
    return performance.now() - start;
}`;

async function once(browser, site) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    const page = await context.newPage();
    await page.clock.setFixedTime(new Date(Date.parse(NOW) + 300_000));
    await page.addInitScript(() => {
        globalThis.tasks = [];
        new PerformanceObserver((list) =>
            globalThis.tasks.push(...list.getEntries().map((each) => each.duration)),
        ).observe({ type: "longtask", buffered: true });
        const note = (name, there) => {
            if (!globalThis[name] && there())
                requestAnimationFrame(() =>
                    requestAnimationFrame(() => (globalThis[name] ??= performance.timeOrigin ? now() : 0)),
                );
        };
        const now = performance.now.bind(performance);
        new MutationObserver(() => {
            note("useful", () =>
                /5,000|5000/.test(document.querySelector("dl:not([aria-busy=true])")?.textContent ?? ""),
            );
            note("rows", () => document.querySelector("tr[aria-rowindex='2']"));
        }).observe(document, { childList: true, subtree: true, characterData: true });
    });
    await page.goto(`${site}#/c/big`);
    await page.waitForFunction(() => globalThis.useful && globalThis.rows, null, { polling: 50 });
    const result = await page.evaluate(() => ({ "useful paint": globalThis.useful, "rows in sight": globalThis.rows }));
    const real = (code) =>
        page.evaluate(
            `(async () => { const timed = ${timed}; const first = () => document.querySelector("tr[aria-rowindex='2']")?.textContent; ${code} })()`,
        );
    result.sort = await real(
        `const old = first(); return timed(() => document.querySelectorAll("th .sorter, th button")[0].click(), () => first() !== old);`,
    );
    result.filter =
        await real(`const old = document.querySelector("table[aria-rowcount]").getAttribute("aria-rowcount"); const box = document.querySelector("input[type=search]");
        return timed(() => { box.value = "1"; box.dispatchEvent(new Event("input", { bubbles: true })); }, () => document.querySelector("table[aria-rowcount]").getAttribute("aria-rowcount") !== old);`);
    result.scroll =
        await real(`const old = document.querySelector("tr[aria-rowindex]:last-of-type"); const box = document.querySelector("table[aria-rowcount]").parentElement;
        const at = () => document.querySelectorAll("tbody tr[aria-rowindex]")[3]?.getAttribute("aria-rowindex"); const was = at();
        return timed(() => box.scrollTo(0, box.scrollHeight / 2), () => at() !== was);`);
    result["longest task"] = Math.max(0, ...(await page.evaluate(() => globalThis.tasks)));
    await context.close();
    return result;
}

const { browser, close } = await launch();
let isFar = false;
try {
    for (const [kind, site] of Object.entries(SITES)) {
        await once(browser, site); // warms the server, the disk and the browser
        const runs = [];
        for (let run = 0; run < RUNS; run++) runs.push(await once(browser, site));
        console.log(`5,000 nodes from ${kind}, ${RUNS} runs        best   median      aim`);
        for (const [name, aim] of Object.entries(AIMS)) {
            const values = runs.map((each) => each[name]).sort((a, b) => a - b);
            const median = values[Math.floor(values.length / 2)];
            isFar ||= values[0] > aim * FAR;
            console.log(
                `  ${name.padEnd(26)}${[values[0], median, aim].map((each) => `${Math.round(each)} ms`.padStart(9)).join("")}`,
            );
        }
    }
} finally {
    await close();
}
process.exit(isFar ? 1 : 0);
