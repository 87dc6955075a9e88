/** Time travel: every view shows the moment that the address names; two moments can be compared. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { hashOf, KIND, names, pages, ready, rowCount, shot, slot, until } from "./support.mjs";

const open = pages();
const shownSlot = (page) => page.getByText(/^Snapshot of /).getAttribute("title");
const nextSlot = (page, old) =>
    until(
        () => shownSlot(page),
        (found) => found !== old,
        "another snapshot",
    );

test("a step back shows the snapshot before, says so, and one click leads back to live", () =>
    open({ hash: "#/c/prod-eu-1" }, async (page) => {
        await ready(page);
        assert.equal(await shownSlot(page), `slot ${slot(0)}`);
        await page.getByRole("button", { name: /One step back/ }).click();
        assert.equal(await nextSlot(page, `slot ${slot(0)}`), `slot ${slot(0.25)}`);
        assert.match(hashOf(page), /t=/);
        await page.getByText(/Not live/).waitFor();
        await shot(page, "past-light");
        await page.getByRole("button", { name: "Back to live" }).click();
        await nextSlot(page, `slot ${slot(0.25)}`);
        assert.doesNotMatch(hashOf(page), /t=/);
    }));

test("the keys , . and l step and return", () =>
    open({ hash: "#/c/prod-eu-1" }, async (page) => {
        await ready(page);
        await page.keyboard.press(",");
        await nextSlot(page, `slot ${slot(0)}`);
        await page.keyboard.press(",");
        await until(
            () => shownSlot(page),
            (found) => found === `slot ${slot(0.5)}`,
        );
        await page.keyboard.press(".");
        await until(
            () => shownSlot(page),
            (found) => found === `slot ${slot(0.25)}`,
        );
        await page.keyboard.press("l");
        await until(
            () => shownSlot(page),
            (found) => found === `slot ${slot(0)}`,
        );
    }));

test("three steps in a row are three steps, whatever is still being read", () =>
    open({ hash: "#/c/prod-eu-1" }, async (page) => {
        await ready(page);
        await page.route("**/snapshots/**", async (route) => {
            await new Promise((done) => setTimeout(done, 300));
            await route.continue();
        });
        for (const _ of [1, 2, 3]) {
            const hash = hashOf(page);
            await page.keyboard.press(",");
            await until(
                () => hashOf(page),
                (found) => found !== hash,
                "the address of the next step",
            );
        }
        await until(
            () => shownSlot(page),
            (found) => found === `slot ${slot(0.75)}`,
            slot(0.75),
        );
    }));

test("a moment in a gap shows the snapshot before it", () =>
    open({ hash: `#/c/prod-eu-1?t=${slot(8)}` }, async (page) => {
        await ready(page);
        assert.equal(await shownSlot(page), `slot ${slot(9)}`);
    }));

test("a moment is picked by date and time, in the zone that is shown", () =>
    open({ hash: "#/c/prod-eu-1" }, async (page) => {
        await ready(page);
        await page.getByRole("button", { name: "Time: live" }).click();
        await page.getByRole("img", { name: /snapshots?, \d+ gaps?/ }).waitFor();
        const at = slot(5);
        await page.getByLabel("Date").fill(at.slice(0, 10));
        await page.getByLabel(/Time of day/).fill(at.slice(11, 19));
        await page.getByRole("button", { name: "Show", exact: true }).click();
        await until(
            () => shownSlot(page),
            (found) => found === `slot ${at}`,
            at,
        );
    }));

test("before the first snapshot it says so", () =>
    open({ hash: "#/c/solo?t=2020-01-01T00:00:00Z" }, async (page) => {
        await page.getByText(/No snapshot at or before this moment/).waitFor();
    }));

test("a moment to come is not called past", () =>
    open({ hash: "#/?t=2999-01-01T00:00:00Z", tolerated: /status of 40[34]/ }, async (page) => {
        await page.getByText(/Not live: this is .*, which is to come/).waitFor();
    }));

test("the fleet travels, too", () =>
    open({ hash: `#/?t=${slot(2)}`, tolerated: /status of 40[34]/ }, async (page) => {
        await page.getByText(/Not live/).waitFor();
        const row = page.getByRole("row").filter({ has: page.getByRole("link", { name: "solo" }) });
        await until(
            () => row.innerText(),
            (text) => /no snapshot at or before/.test(text),
        );
    }));

test("the fleet of a past moment is as of that moment: ages, what needs a look, no line of today's", () =>
    open({ hash: `#/?t=${slot(18)}`, tolerated: /status of 40[34]/ }, async (page) => {
        const row = (name) => page.getByRole("row").filter({ has: page.getByRole("link", { name, exact: true }) });
        await row("prod-us-2")
            .getByText("54 h")
            .or(row("prod-us-2").getByText("2 d", { exact: true }))
            .waitFor();
        assert.equal(await page.locator("svg.spark").count(), 0);
        const looked = await page.locator("tbody .sign").allInnerTexts();
        const marked = looked.filter((sign) => sign === "!").length;
        await page.getByText(new RegExp(`^${marked} needs? a look`)).waitFor();
        await page.getByText(/without \d+ clusters? of which there is nothing to read/).waitFor();
    }));

test("numbers of the fleet from before a day that cannot be read say so", () =>
    open({ tolerated: /status of 40[34]/ }, async (page) => {
        const at = slot(2);
        await page.route(`**/clusters/prod-eu-1/days/${at.slice(0, 10)}.json`, (route) => route.fulfill({ body: "{" }));
        await page.goto(page.url().replace(/#.*/, `#/?t=${at}`));
        const row = page.getByRole("row").filter({ has: page.getByRole("link", { name: "prod-eu-1" }) });
        await row.getByText(`the index for ${at.slice(0, 10)} cannot be read`).waitFor();
        assert.match(await row.innerText(), /\/40\b/);
    }));

test("two moments are compared: nodes that went, and by how much the rest moved", () =>
    open({ hash: "#/c/prod-us-2?tab=changes&vs=24h" }, async (page) => {
        const changes = page.getByRole("region", { name: "Changes", exact: true });
        await changes.getByRole("heading", { name: "Went: 1 node" }).waitFor();
        assert.match(await changes.innerText(), /30.*29|−1|-1/s);
        await shot(page, "changes-light");
    }));

test("where nothing is that old, the first snapshot is offered", () =>
    open({ hash: "#/c/prod-us-2?tab=changes&vs=90d" }, async (page) => {
        await page.getByText("The store has nothing that old").waitFor();
        await page.getByRole("button", { name: "Compare with it" }).click();
        await page.getByRole("heading", { name: "Went: 1 node" }).waitFor();
        assert.match(hashOf(page), /vs=20/);
    }));

test("the search narrows the changes, and says what is searched", () =>
    open({ hash: "#/c/prod-us-2?tab=changes&vs=24h&q=no-such-node" }, async (page) => {
        const changes = page.getByRole("region", { name: "Changes", exact: true });
        await changes.getByRole("heading", { name: "Changed: 0 nodes" }).waitFor();
        assert.equal(await changes.getByRole("heading", { name: /^Went/ }).count(), 0);
        assert.equal(await page.getByRole("searchbox", { name: "Search changes" }).inputValue(), "no-such-node");
    }));

test("the moment that is compared with is older where a day cannot be read, and that is said", () =>
    open({ hash: "#/c/solo", tolerated: null }, async (page) => {
        const before = new Date(Date.parse(slot(0)) - 86_400_000).toISOString().slice(0, 10);
        await page.route(`**/clusters/prod-eu-1/days/${before}.json`, (route) => route.fulfill({ body: "{" }));
        await page.goto(page.url().replace(/#.*/, "#/c/prod-eu-1?tab=changes&vs=24h"));
        const changes = page.getByRole("region", { name: "Changes", exact: true });
        await changes.getByText(`The index for ${before} cannot be read`).waitFor();
        await changes.getByText(/→ .*, (2[5-9]|3\d|4\d) h apart|→ .*, \d+ d apart/).waitFor();
    }));

test("any other moment can be compared with, and the address holds it", () =>
    open({ hash: "#/c/prod-eu-1?tab=changes" }, async (page) => {
        const changes = page.getByRole("region", { name: "Changes", exact: true });
        await changes.getByRole("button", { name: "1h ago" }).click();
        await changes.getByRole("heading", { name: /Changed: \d+ nodes/ }).waitFor();
        assert.match(hashOf(page), /vs=1h/);
        await page.goBack();
        await until(
            () => hashOf(page),
            (hash) => !/vs=/.test(hash),
        );
    }));

if (KIND === "serve") {
    const { LIVE_STORE, LIVE_DUMP, NODETALLY, SITE_LIVE } = process.env;
    const passed = (at) =>
        execFileSync(
            NODETALLY,
            [
                "run",
                "--dump",
                LIVE_DUMP,
                "--cluster",
                "live",
                "--store",
                LIVE_STORE,
                "--format",
                "none",
                "--at",
                at.toISOString().replace(/\.\d+/, ""),
            ],
            { stdio: "ignore" },
        );

    test("a new snapshot appears by itself, and neither scroll nor panel nor cursor moves", async () => {
        const start = new Date(Math.floor(Date.now() / 60_000) * 60_000 - 600_000);
        passed(start);
        await open(
            { site: SITE_LIVE, hash: "#/c/live?sort=name:asc", now: new Date(start.getTime() + 60_000) },
            async (page, seen) => {
                await ready(page);
                const box = page.getByRole("region", { name: "Nodes", exact: true }).getByRole("table").locator("..");
                await box.evaluate((each) => each.scrollTo(0, 700));
                await until(
                    () => names(page),
                    (found) => found.includes("node-30"),
                );
                await page.getByRole("link", { name: "node-30", exact: true }).click();
                await page.getByRole("complementary", { name: "Node node-30" }).waitFor();
                const before = {
                    top: await box.evaluate((each) => each.scrollTop),
                    hash: hashOf(page),
                    slot: await shownSlot(page),
                };
                passed(new Date(start.getTime() + 60_000));
                const asked = seen.requests.length;
                await page.clock.fastForward(31_000);
                await nextSlot(page, before.slot);
                assert.deepEqual(
                    { top: await box.evaluate((each) => each.scrollTop), hash: hashOf(page) },
                    { top: before.top, hash: before.hash },
                );
                await page.getByRole("complementary", { name: "Node node-30" }).waitFor();
                assert.equal(await rowCount(page), 80);
                assert.ok(seen.requests.length - asked <= 6, `asked for: ${seen.requests.slice(asked).join(" ")}`);
            },
        );
    });

    test("while nothing is new it asks little, and at most every 30 s", () =>
        open({ site: SITE_LIVE, hash: "#/c/live", now: new Date() }, async (page, seen) => {
            await ready(page);
            await new Promise((done) => setTimeout(done, 300));
            const asked = seen.requests.length;
            await page.clock.fastForward(25_000);
            await new Promise((done) => setTimeout(done, 300));
            assert.equal(seen.requests.length, asked, "nothing within 25 s");
            for (const _ of [1, 2, 3, 4]) await page.clock.fastForward(30_000);
            await new Promise((done) => setTimeout(done, 500));
            const urls = seen.requests.slice(asked);
            assert.ok(urls.length > 0 && urls.length <= 8, urls.join(" "));
        }));
}
