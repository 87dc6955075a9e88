/** For people: keyboard, themes, a phone, a screen reader's rules (axe), times and units. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";
import { hashOf, names, nodes, pages, ready, shot, until } from "./support.mjs";

const open = pages();
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
const READ = { tolerated: /status of 40[34]/ };
const VIEWS = {
    fleet: "#/",
    nodes: "#/c/prod-eu-1",
    groups: "#/c/prod-eu-1?group=zone",
    heatmap: "#/c/prod-eu-1?tab=heatmap",
    namespaces: "#/c/prod-eu-1?tab=namespaces",
    changes: "#/c/prod-eu-1?tab=changes&vs=1h",
    stale: "#/c/prod-us-2",
    damaged: "#/c/damaged-index",
    hostile: "#/c/hostile",
};

const settled = async (page) => {
    await page.getByRole("main").waitFor();
    await until(
        () => page.locator("[aria-busy=true]").count(),
        (count) => count === 0,
        "everything is read",
    );
};

/** In a world of its own, which the page's policy does not hold for; serious findings only. */
async function faults(page) {
    const session = await page.context().newCDPSession(page);
    const { frameTree } = await session.send("Page.getFrameTree");
    const { executionContextId } = await session.send("Page.createIsolatedWorld", { frameId: frameTree.frame.id });
    const run = async (expression) => {
        const done = await session.send("Runtime.evaluate", {
            expression,
            contextId: executionContextId,
            awaitPromise: true,
            returnByValue: true,
        });
        assert.equal(done.exceptionDetails, undefined, JSON.stringify(done.exceptionDetails));
        return done.result.value;
    };
    await run(`${AXE};0`);
    const found = JSON.parse(
        await run("axe.run(document, { resultTypes: ['violations'] }).then((r) => JSON.stringify(r.violations))"),
    );
    return found
        .filter((each) => ["serious", "critical"].includes(each.impact))
        .map(
            (each) =>
                `${each.id}: ${each.nodes
                    .slice(0, 3)
                    .map((node) => `${node.target} ${node.failureSummary}`)
                    .join("; ")}`,
        );
}

for (const colorScheme of ["light", "dark"])
    test(`axe finds nothing serious in any view, ${colorScheme}`, async () => {
        const all = {};
        for (const [name, hash] of Object.entries(VIEWS))
            await open({ ...READ, hash, colorScheme, now: null }, async (page) => {
                await settled(page);
                const found = await faults(page);
                if (found.length) all[name] = found;
                if (colorScheme === "dark") await shot(page, `${name}-dark`);
            });
        assert.deepEqual(all, {});
    });

test("axe finds nothing serious in the panel, the menus and the help", () =>
    open({ hash: "#/c/prod-eu-1", now: null }, async (page) => {
        await ready(page);
        await page.getByRole("button", { name: "Columns" }).click();
        assert.deepEqual(await faults(page), [], "columns");
        await page.keyboard.press("Escape");
        await page.getByRole("button", { name: /^Time: / }).click();
        assert.deepEqual(await faults(page), [], "time");
        await page.keyboard.press("Escape");
        await nodes(page).getByRole("link").first().click();
        await page.getByRole("complementary").waitFor();
        assert.deepEqual(await faults(page), [], "panel");
        await page.keyboard.press("Escape");
        await page.keyboard.press("?");
        await page.getByRole("dialog").waitFor();
        assert.deepEqual(await faults(page), [], "help");
    }));

test("the whole way by keyboard: search, rows, open, close, theme, help", () =>
    open({ hash: "#/c/solo?sort=name:asc" }, async (page) => {
        await ready(page);
        await page.keyboard.press("/");
        assert.equal(await page.getByRole("searchbox").evaluate((box) => box === document.activeElement), true);
        await page.keyboard.type("ip");
        await page.getByText(/^0 of \d+ nodes$/).waitFor();
        await page.getByRole("searchbox").fill("");
        await page.keyboard.press("Escape");
        await ready(page);
        const all = await names(page);
        for (const key of ["j", "j", "k", "ArrowDown", "Enter"]) await page.keyboard.press(key);
        await page.getByRole("complementary", { name: `Node ${all[1]}` }).waitFor();
        await page.keyboard.press("Escape");
        await page.getByRole("complementary").waitFor({ state: "detached" });
        const ground = () => page.evaluate(() => getComputedStyle(document.body).color);
        const light = await ground();
        await page.keyboard.press("t");
        await until(ground, (colour) => colour !== light, "another theme");
        await page.keyboard.press("?");
        await page.getByRole("dialog").getByText("search", { exact: true }).waitFor();
        await page.keyboard.press("Escape");
        await page.getByRole("dialog").waitFor({ state: "detached" });
    }));

test("Escape leaves the search; box and address go on saying the same", () =>
    open({ hash: "#/c/solo" }, async (page) => {
        await ready(page);
        await page.keyboard.press("/");
        await page.keyboard.type("ip");
        await page.keyboard.press("Escape");
        const value = await page.getByRole("searchbox").inputValue();
        const q = new URLSearchParams(hashOf(page).split("?")[1]).get("q") ?? "";
        assert.equal(value, q);
    }));

test("Tab reaches search, headings and rows, and the focus can be seen", () =>
    open({ hash: "#/c/solo" }, async (page) => {
        await ready(page);
        const reached = new Set();
        for (let step = 0; step < 70; step++) {
            await page.keyboard.press("Tab");
            const at = await page.evaluate(() => {
                const each = document.activeElement;
                const style = getComputedStyle(each);
                const seen = style.outlineStyle !== "none" || style.boxShadow !== "none";
                return [each.id || each.className || each.tagName, each.closest("table") ? "table" : "", seen];
            });
            if (at[0] !== "BODY") assert.ok(at[2], `no visible focus on ${at[0]}`);
            reached.add(String(at[0])).add(at[1]);
        }
        assert.ok(reached.has("search"));
        assert.ok(reached.has("table"));
    }));

test("the theme is the system's until it is chosen, and the choice stays", () =>
    open({ hash: "#/", colorScheme: "dark", ...READ }, async (page) => {
        await settled(page);
        const ground = () => page.evaluate(() => getComputedStyle(document.body).color);
        const dark = await ground();
        await page.emulateMedia({ colorScheme: "light" });
        const light = await until(ground, (colour) => colour !== dark);
        await page.getByRole("button", { name: /Theme: system; switch to light/ }).click();
        await page.getByRole("button", { name: /Theme: light; switch to dark/ }).click();
        assert.equal(await until(ground, (colour) => colour !== light), dark);
        await page.reload();
        assert.equal(await until(ground, (colour) => colour === dark), dark);
    }));

test("a phone: nothing is cut off sideways, and the panel can be opened and closed", async () => {
    for (const [name, hash] of Object.entries(VIEWS))
        await open({ ...READ, ...PHONE, hash }, async (page) => {
            await settled(page);
            const [width, room] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
            assert.ok(width <= room, `${name} is ${width} px wide in ${room}`);
            await shot(page, `${name}-phone`);
        });
    await open({ ...READ, ...PHONE, hash: "#/c/prod-eu-1" }, async (page) => {
        await ready(page);
        await nodes(page).getByRole("link").first().tap();
        const panel = page.getByRole("complementary");
        await panel.waitFor();
        const box = await panel.boundingBox();
        assert.ok(box.x >= 0 && box.x + box.width <= 391);
        await shot(page, "panel-phone");
        await panel.getByRole("button", { name: "Close the node" }).tap();
        await panel.waitFor({ state: "detached" });
    });
});

test("a phone: a menu is as wide as there is room, and the fleet's bars reach the edge of the table", async () => {
    const view = "#/c/prod-eu-1?q=ip&state=Ready&zone=eu-west-1a,eu-west-1b&sort=cpu-headroom:desc&group=pool";
    await open({ ...READ, ...PHONE, hash: view }, async (page) => {
        await ready(page);
        await page.getByRole("button", { name: "Command" }).tap();
        const box = await page.locator(".menu-panel").boundingBox();
        assert.ok(box.x >= 0 && box.x + box.width <= 390, JSON.stringify(box));
        await page.getByText("The same in a terminal, without the search, the filter by state:").waitFor();
    });
    await open({ ...READ, ...PHONE, hash: "#/" }, async (page) => {
        await settled(page);
        const [cell, table] = await Promise.all(
            [".fleet td.col-memory", ".fleet"].map((each) => page.locator(each).first().boundingBox()),
        );
        assert.ok(Math.abs(cell.x + cell.width - table.x - table.width) <= 2, JSON.stringify([cell, table]));
    });
});

test("times switch between the reader's zone and UTC, and stay so", () =>
    open({ hash: "#/c/solo", timezoneId: "Asia/Tokyo" }, async (page) => {
        await ready(page);
        const said = async () => (await page.getByText(/^Snapshot of /).innerText()).split(",")[0]; // its age goes on
        const local = await said();
        await page.getByRole("button", { name: /switch to UTC/ }).click();
        const utc = await until(said, (text) => text !== local);
        await page.reload();
        await ready(page);
        assert.equal(await said(), utc);
    }));

test("what is requested is never called used", async () => {
    for (const hash of Object.values(VIEWS))
        await open({ ...READ, hash }, async (page) => {
            await settled(page);
            assert.doesNotMatch(await page.getByRole("main").innerText(), /\bused\b/i, hash);
        });
});

test("nothing that is shown moves when the slower documents come", () =>
    open({ hash: "#/", now: null, ...READ }, async (page) => {
        const slow = async (route) => {
            await new Promise((done) => setTimeout(done, 1500));
            await route.continue();
        };
        await page.route(/latest\.json\.gz|days\//, slow);
        await page.goto(page.url().replace(/#.*/, "#/c/prod-eu-1"));
        const places = () =>
            page.evaluate(() =>
                Object.fromEntries(
                    ["header", "dl", ".charts", ".tabs"].map((each) => [
                        each,
                        Math.round(document.querySelector(each)?.getBoundingClientRect().top ?? -1),
                    ]),
                ),
            );
        await page.getByRole("region", { name: "Charts over time" }).waitFor();
        const early = await places();
        await ready(page);
        await settled(page);
        assert.deepEqual(await places(), early);
    }));

test("axe would find a fault if there were one", () =>
    open({ hash: "#/c/solo", now: null }, async (page) => {
        await ready(page);
        await page.evaluate(() => document.querySelector("main").append(document.createElement("button")));
        assert.match((await faults(page)).join(), /button-name/);
    }));
