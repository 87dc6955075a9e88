/** A page in a real Chromium, watched: no console error, no request outside of the store, no dialog. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import { chromium } from "playwright-core";

export const SITE = process.env.SITE;
export const KIND = process.env.SITE_KIND;
export const NOW = process.env.STORE_NOW;
export const SHOTS = new URL("../shots/", import.meta.url).pathname;
const FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
];
const PATIENCE = 20_000; // shared machines; a test that passes waits for nothing

export async function launch() {
    const folder = mkdtempSync(join(tmpdir(), "nodetally-chromium-"));
    const browser = await chromium.launch({
        executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
        args: [...FLAGS, `--crash-dumps-dir=${folder}`],
    });
    return { browser, close: () => browser.close().finally(() => rmSync(folder, { recursive: true, force: true })) };
}

/** One browser for a file of tests; returns `open(options, use)`. */
export function pages() {
    let running;
    before(async () => {
        running = await launch();
    });
    after(() => running?.close());
    return (options, use) => opened(running.browser, options, use);
}

/**
 * Opens the page at a hash in a context of its own and hands it to `use`; then holds it to what no page may do.
 * `now`: the page's clock when it opens (it runs on); null: the real one. `tolerated`: console errors that a test is
 * about, such as the 404 of a missing document.
 */
async function opened(browser, { hash = "#/", site = SITE, now = after5Minutes(), tolerated = null, ...more }, use) {
    const context = await browser.newContext({
        viewport: { width: 1280, height: 800 },
        timezoneId: "UTC",
        locale: "en-GB",
        ...more,
    });
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE);
    const root = new URL(".", site).href;
    const seen = { errors: [], outside: [], requests: [], dialogs: [] };
    page.on("console", (message) => {
        const text = `${message.text()} ${message.location().url ?? ""}`;
        if (["error", "warning"].includes(message.type()) && !tolerated?.test(text)) seen.errors.push(text);
    });
    page.on("pageerror", (error) => seen.errors.push(String(error)));
    page.on("dialog", (dialog) => {
        seen.dialogs.push(dialog.message());
        dialog.dismiss();
    });
    context.on("request", (request) => {
        const url = request.url();
        if (/^(data|blob):/.test(url)) return;
        seen.requests.push(url);
        if (!url.startsWith(root) || url.startsWith(`${root}state`)) seen.outside.push(url);
    });
    try {
        if (now) await page.clock.install({ time: now });
        await page.goto(site + hash);
        const result = await use(page, seen);
        assert.deepEqual(seen.errors, [], "console errors");
        assert.deepEqual(seen.outside, [], "requests outside of the store");
        assert.deepEqual(seen.dialogs, [], "dialogs");
        return result;
    } finally {
        await context.close();
    }
}

export const after5Minutes = () => new Date(Date.parse(NOW) + 300_000);
export const slot = (hoursAgo) => new Date(Date.parse(NOW) - hoursAgo * 3_600_000).toISOString().replace(".000", "");

/** Waits until `read` gives what `good` accepts; says what it gave last. */
export async function until(read, good, what = "") {
    const end = Date.now() + PATIENCE;
    for (;;) {
        const value = await read();
        if (good(value)) return value;
        if (Date.now() > end) assert.fail(`${what || good} never held; last: ${JSON.stringify(value)}`);
        await new Promise((done) => setTimeout(done, 50));
    }
}

export async function shot(page, name) {
    mkdirSync(SHOTS, { recursive: true });
    await page.screenshot({ path: join(SHOTS, `${KIND}-${name}.png`) });
}

/** The table of nodes: its headings and rows, as roles. */
export const nodes = (page) => page.getByRole("region", { name: "Nodes", exact: true }).getByRole("table");
export const names = (page) => nodes(page).locator("tbody").getByRole("rowheader").allInnerTexts();
export const heading = (page, name) => nodes(page).getByRole("columnheader", { name });
export const rowCount = async (page) => Number(await nodes(page).getAttribute("aria-rowcount")) - 1;
export const ready = (page) => nodes(page).locator("tbody").getByRole("rowheader").first().waitFor();
export const hashOf = (page) => decodeURIComponent(new URL(page.url()).hash);

/** What a click downloads: its name and text. */
export async function downloaded(page, click) {
    const [download] = await Promise.all([page.waitForEvent("download"), click()]);
    const chunks = [];
    for await (const chunk of await download.createReadStream()) chunks.push(chunk);
    return { name: download.suggestedFilename(), text: Buffer.concat(chunks).toString("utf8") };
}
