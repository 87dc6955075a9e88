/** Every cluster at a glance: trouble first, each with its reason; search and sort. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { hashOf, KIND, pages, shot, until } from "./support.mjs";

const open = pages();
const rows = (page) => page.getByRole("table", { name: "Clusters" }).locator("tbody").getByRole("row");
const clusters = async (page) =>
    (await rows(page).getByRole("link").allInnerTexts()).map((each) => each.replace(/^!\s*/, "").trim());
const row = (page, name) => rows(page).filter({ has: page.getByRole("link", { name }) });
/** Every index is read: the summary counts all, and says so by no longer being busy. */
const settled = async (page) => {
    await row(page, "solo").getByText(/%/).first().waitFor();
    await until(
        () => page.locator("main [aria-busy=false]").count(),
        (count) => count > 0,
        "everything is read",
    );
};
const READ = { tolerated: /status of 40[34]/ }; // a listed cluster whose name cannot be a key

test("every listed cluster has a row with nodes, pods, bars, a sparkline and an age", () =>
    open(READ, async (page) => {
        await settled(page);
        const main = row(page, "prod-eu-1");
        const text = await main.innerText();
        assert.match(text, /\d+\/40\b/);
        assert.match(text, /%/);
        assert.equal((await main.locator("svg").count()) > 0, true, "a sparkline");
        assert.deepEqual(
            ["batch", "big", "hostile", "none", "odd", "prod-eu-1", "prod-us-2", "solo"].filter(
                (name) => name === name.trim(),
            ),
            (await clusters(page)).filter((name) => !/damaged|newer|evil/.test(name)).sort(),
        );
        await shot(page, "fleet-light");
    }));

test("a cluster of no nodes has no cpu, and none that is unknown", () =>
    open(READ, async (page) => {
        await settled(page);
        const text = await row(page, "none").innerText();
        assert.match(text, /0\/0/);
        assert.doesNotMatch(text, /[?%]/);
    }));

test("what needs a look comes first, and says why", () =>
    open(READ, async (page) => {
        await settled(page);
        const found = await clusters(page);
        for (const name of ["prod-us-2", "damaged-index", "newer"])
            assert.ok(found.indexOf(name) < found.indexOf("solo"), `${name} before solo in ${found}`);
        const stale = rows(page).filter({ has: page.getByRole("link", { name: "prod-us-2" }) });
        assert.match(await stale.innerText(), /3 d/);
        assert.match(await stale.innerText(), /not ready/);
        assert.match(await page.getByRole("main").innerText(), /needs? a look/);
    }));

test("search narrows it, and stays in the address", () =>
    open(READ, async (page) => {
        await settled(page);
        await page.getByRole("searchbox").fill("prod");
        await until(
            () => clusters(page),
            (found) => found.length === 2,
        );
        assert.match(hashOf(page), /q=prod/);
        await page.getByRole("searchbox").fill("nothing-like-it");
        await page.getByText(/No cluster is called anything like/).waitFor();
    }));

test("it sorts both ways by every heading", () =>
    open(READ, async (page) => {
        await settled(page);
        const button = page.getByRole("columnheader", { name: "pods" }).getByRole("button");
        await button.click();
        const order = () => page.getByRole("columnheader", { name: "pods" }).getAttribute("aria-sort");
        await until(order, (found) => found === "descending");
        assert.equal((await clusters(page))[0], "big");
        await button.click();
        await until(order, (found) => found === "ascending");
        assert.notEqual((await clusters(page))[0], "big");
    }));

test("j, k and arrows go from cluster to cluster, Enter opens", () =>
    open(READ, async (page) => {
        await settled(page);
        const [first, second, third] = await clusters(page);
        const focused = () => page.evaluate(() => document.activeElement.textContent.replace(/^!/, ""));
        for (const [key, name] of [
            ["j", first],
            ["j", second],
            ["ArrowDown", third],
            ["k", second],
            ["ArrowUp", first],
            ["k", first],
            ["j", second],
        ]) {
            await page.keyboard.press(key);
            assert.equal(await focused(), name, key);
        }
        await page.keyboard.press("Enter");
        await until(
            () => hashOf(page),
            (hash) => hash === `#/c/${second}`,
            second,
        );
    }));

test("a cluster opens from its row, and the back button returns", () =>
    open(READ, async (page) => {
        await settled(page);
        await rows(page).getByRole("link", { name: "prod-eu-1" }).click();
        await page.getByRole("heading", { level: 1, name: "prod-eu-1" }).waitFor();
        await page.goBack();
        await rows(page).getByRole("link", { name: "prod-eu-1" }).waitFor();
    }));

if (KIND === "serve") {
    test("an empty store says how to fill it", () =>
        open({ site: process.env.SITE_EMPTY, tolerated: /404/ }, async (page) => {
            await page.getByText("No snapshot yet").waitFor();
            await page.getByText(/nodetally run --cluster NAME/).waitFor();
            await shot(page, "empty");
        }));
}
