/** What is missing, damaged, newer, stale, hostile or offline: said, with what to do, and the rest goes on. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { names, nodes, pages, ready, rowCount, SITE, shot, slot, until } from "./support.mjs";

const open = pages();
const MISSING = { tolerated: /status of (403|404|5\d\d)|ERR_/ };
const root = new URL(".", SITE).href;

test("stale: how old, and the command that tells more", () =>
    open({ hash: "#/c/prod-us-2" }, async (page) => {
        await ready(page);
        await page
            .getByText(/3 d ago/)
            .first()
            .waitFor();
        await page.getByText(/nodetally status --cluster prod-us-2/).waitFor();
        await shot(page, "stale");
    }));

test("a damaged index: said, with the repair; the newest snapshot is shown all the same", () =>
    open({ hash: "#/c/damaged-index" }, async (page) => {
        await page
            .getByText(/index cannot be read/)
            .first()
            .waitFor();
        await page
            .getByText(/nodetally store repair/)
            .first()
            .waitFor();
        await ready(page);
        assert.ok((await rowCount(page)) > 20);
        await shot(page, "damaged-index");
    }));

test("a damaged day: named under the charts; the table and other days go on", () =>
    open({ hash: "#/c/damaged-day?range=7d" }, async (page) => {
        await ready(page);
        await page.getByText(/the index for \d{4}-\d\d-\d\d cannot be read/).waitFor();
        assert.ok((await rowCount(page)) > 20);
    }));

test("a damaged snapshot: said where it is looked at; the next one is one step away", () =>
    open({ hash: `#/c/damaged-snapshot?t=${slot(1)}` }, async (page) => {
        await page.getByText(/the snapshot of .* cannot be read/i).waitFor();
        await page.keyboard.press("l");
        await ready(page);
    }));

test("a snapshot that is not of one point in time says so", () =>
    open({ hash: "#/c/prod-us-2" }, async (page) => {
        await page.getByText("Not of one point in time").waitFor();
        await page.getByText(/pods may be missing or counted twice/).waitFor();
    }));

test("a newer schema: publish the page again", () =>
    open({ hash: "#/c/newer" }, async (page) => {
        await page
            .getByText(/This page is older than the data/)
            .first()
            .waitFor();
        await page
            .getByText(/nodetally dashboard publish/)
            .first()
            .waitFor();
    }));

test("a cluster that is not there", () =>
    open({ hash: "#/c/no-such-cluster", ...MISSING }, async (page) => {
        await page.getByText("This store has nothing of a cluster called no-such-cluster").waitFor();
        await page.getByText(/nodetally run --cluster no-such-cluster/).waitFor();
    }));

test("one missing document leaves the rest of the fleet", () =>
    open({ hash: "#/", ...MISSING }, async (page) => {
        await page.route(`${root}clusters/batch/index.json`, (route) => route.fulfill({ status: 404 }));
        await page.reload();
        const row = page.getByRole("row").filter({ has: page.getByRole("link", { name: "batch" }) });
        await until(
            () => row.innerText(),
            (text) => /cannot be read|404|not there/.test(text),
            "batch says so",
        );
        await page
            .getByRole("row")
            .filter({ has: page.getByRole("link", { name: "big" }) })
            .getByText(/%/)
            .first()
            .waitFor();
    }));

test("offline: said; what was read stays, and it comes back by itself", () =>
    open({ hash: "#/c/solo", ...MISSING }, async (page) => {
        await ready(page);
        await page.route(`${root}clusters/**`, (route) => route.abort("internetdisconnected"));
        await page.clock.fastForward(31_000);
        await page
            .getByText(/could not be fetched/)
            .first()
            .waitFor();
        assert.ok((await names(page)).length > 5);
        await shot(page, "offline");
        await page.unroute(`${root}clusters/**`);
        await page.clock.fastForward(61_000);
        await page
            .getByText(/could not be fetched/)
            .first()
            .waitFor({ state: "detached" });
    }));

test("a first load without the host says so, and tries again on a click", () =>
    open({ hash: "#/", ...MISSING }, async (page) => {
        await page.route(`${root}clusters.json`, (route) => route.abort("connectionrefused"));
        await page.reload();
        await page.getByText(/the list of clusters could not be fetched/i).waitFor();
        await page.unroute(`${root}clusters.json`);
        await page.getByRole("button", { name: "Try again" }).click();
        await page.getByRole("link", { name: "solo" }).waitFor();
    }));

test("an absurd address shows something, not an error", async () => {
    for (const hash of [
        "#/c/%E0%A4%A",
        "#/c/..%2F..%2Fstate",
        "#/c/solo?t=x&sort=%00:up&zoom=9-1&cols=,,&node=<b>",
        "#nonsense",
        "#/c/<img src=x onerror=alert(1)>",
    ])
        await open({ hash, ...MISSING }, async (page) => {
            await page.getByRole("main").waitFor();
            await until(
                () => page.getByRole("main").innerText(),
                (text) => text.length > 10,
            );
            assert.equal(await page.locator("main img").count(), 0);
        });
});

test("markup in names, labels, taints and resources stays text in every view", async () => {
    for (const rest of [
        "",
        "?tab=heatmap",
        "?tab=namespaces",
        "?tab=changes",
        "?group=zone",
        `?node=${encodeURIComponent("<img src=x onerror=alert(1)>")}`,
    ])
        await open({ hash: `#/c/hostile${rest}` }, async (page) => {
            await until(
                () => page.locator("main [aria-busy=true]").count(),
                (count) => count === 0,
            );
            if (!rest.includes("tab")) {
                await ready(page);
                for (const facet of await page.getByRole("button", { name: /^Filter by/ }).all()) {
                    await facet.click();
                    await page.keyboard.press("Escape");
                }
                await page.getByRole("button", { name: "Columns" }).click();
                await page.getByRole("group").first().waitFor();
                await page.keyboard.press("Escape");
                await nodes(page).getByRole("link", { name: "<img src=x onerror=alert(1)>" }).waitFor();
            }
            const made = await page.evaluate(
                () =>
                    document.querySelectorAll("img, iframe, object, embed, u, svg[onload], body script:not([src])")
                        .length,
            );
            assert.equal(made, 0, `elements made in ${rest}`);
            const links = await page.locator("a").evaluateAll((all) => all.map((each) => each.protocol));
            assert.ok(links.every((protocol) => /^https?:$/.test(protocol)));
            assert.doesNotMatch(
                await page.getByRole("main").innerText(),
                /[\u202a-\u202e\u2066-\u2069]/,
                "signs that turn text round",
            );
        });
    await open({ hash: "#/", tolerated: /status of 40[34]/ }, async (page) => {
        await page.getByText("evil/<img src=x onerror=alert(1)>").waitFor();
    });
});

test("the kept cache cannot be read from where the page is", () =>
    open({ hash: "#/", ...MISSING }, async (page, seen) => {
        const url = `${root}state/prod-eu-1/watch-cache`;
        const answer = await page.evaluate(async (at) => {
            const got = await fetch(at);
            return [got.status, await got.text()];
        }, url);
        assert.ok([403, 404].includes(answer[0]), answer[0]);
        assert.ok(!answer[1].includes(process.env.SECRET));
        assert.deepEqual(seen.outside.splice(0), [url], "only the one that this test made");
    }));
