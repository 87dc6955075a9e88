/** A cluster: headline, node table, heatmap, charts, namespaces, what no node holds, a node's panel, what is taken along. */
import assert from "node:assert/strict";
import { execSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { downloaded, hashOf, heading, names, nodes, pages, ready, rowCount, shot, slot, until } from "./support.mjs";

const open = pages();
const MAIN = { hash: "#/c/prod-eu-1" };
const latest = (cluster) =>
    JSON.parse(gunzipSync(readFileSync(`${process.env.STORE}/clusters/${cluster}/latest.json.gz`)));
const dayIndex = (cluster, day) =>
    JSON.parse(readFileSync(`${process.env.STORE}/clusters/${cluster}/days/${day}.json`, "utf8"));
const tab = (page, name) => page.getByRole("navigation", { name: "Views of the cluster" }).getByRole("link", { name });
const _choose = async (page, column) => {
    await page.getByRole("button", { name: "Columns" }).click();
    await page.getByRole("checkbox", { name: column, exact: true }).first().check();
    await page.keyboard.press("Escape");
};

test("the headline says what the latest snapshot says", () =>
    open(MAIN, async (page) => {
        await ready(page);
        const { nodes: counts, pods } = latest("prod-eu-1").totals;
        const said = await page.locator("dl").first().innerText();
        assert.match(said, new RegExp(`${counts.count}`));
        assert.match(said, new RegExp(pods.counted.toLocaleString("en").replace(",", "[,\\s]?")));
        await shot(page, "cluster-light");
    }));

test("every node has a row, with the snapshot's own figures", () =>
    open({ hash: "#/c/solo" }, async (page) => {
        await ready(page);
        const snapshot = latest("solo");
        assert.equal(await rowCount(page), snapshot.nodes.length);
        assert.deepEqual((await names(page)).sort(), snapshot.nodes.map((node) => node.name).sort());
        const [node] = snapshot.nodes;
        const row = nodes(page)
            .getByRole("row")
            .filter({ has: page.getByRole("link", { name: node.name }) });
        const exact = await row.locator("[title]").evaluateAll((found) => found.map((each) => each.title).join("\n"));
        const digits = exact.replace(/[,.\s\u202f']/g, "");
        assert.match(digits, new RegExp(`${node.resources.cpu.requests}`), "exact millicores on hover");
        assert.match(digits, new RegExp(`${node.resources.memory.requests}`), "exact bytes on hover");
    }));

test("it sorts by every column, both ways, and the address says so", () =>
    open({ hash: "#/c/solo" }, async (page) => {
        await ready(page);
        const titles = await nodes(page).getByRole("columnheader").allInnerTexts();
        assert.ok(titles.length > 4, titles.join());
        for (const title of titles.map((each) => each.replace(/[↓↑]/g, "").trim()).filter(Boolean)) {
            const column = nodes(page).getByRole("columnheader", { name: title, exact: true });
            await column.getByRole("button").click();
            const order = () => column.getAttribute("aria-sort");
            const first = await until(order, (found) => found !== "none", `${title} sorted`);
            await column.getByRole("button").click();
            const second = await until(order, (found) => found !== first, `${title} the other way`);
            assert.deepEqual([first, second].sort(), ["ascending", "descending"], title);
            assert.match(hashOf(page), /sort=/);
        }
    }));

test("sorting by name is in order, then the other way round", () =>
    open({ hash: "#/c/solo?sort=name:asc" }, async (page) => {
        await ready(page);
        const up = await names(page);
        assert.deepEqual(
            up,
            latest("solo").nodes.map((node) => node.name),
        );
        await heading(page, "node").getByRole("button").click();
        await until(
            () => names(page),
            (found) => found[0] === up.at(-1),
        );
        assert.deepEqual(await names(page), up.toReversed());
    }));

test("columns can be chosen, and are in the address", () =>
    open({ hash: "#/c/solo" }, async (page) => {
        await ready(page);
        const before = await nodes(page).getByRole("columnheader").count();
        await page.getByRole("button", { name: "Columns" }).click();
        const box = page.getByRole("checkbox", { checked: false }).first();
        await box.check();
        await page.keyboard.press("Escape");
        assert.equal(await nodes(page).getByRole("columnheader").count(), before + 1);
        assert.match(hashOf(page), /cols=/);
        await page.goBack();
        await until(
            () => nodes(page).getByRole("columnheader").count(),
            (count) => count === before,
        );
    }));

test("facets and free text narrow the table, and are in the address", () =>
    open(MAIN, async (page) => {
        await ready(page);
        const all = await rowCount(page);
        await page.getByRole("button", { name: "Filter by zone" }).click();
        const first = page.getByRole("group", { name: "Filter by zone" }).getByRole("checkbox").first();
        await first.check();
        await page.keyboard.press("Escape");
        const some = await until(
            () => rowCount(page),
            (count) => count < all,
            "fewer rows",
        );
        assert.match(hashOf(page), /zone=/);
        await page.reload();
        await ready(page);
        assert.equal(await rowCount(page), some);
        await page.getByRole("button", { name: "Show all" }).click();
        await until(
            () => rowCount(page),
            (count) => count === all,
        );
        const name = (await names(page))[0];
        await page.getByRole("searchbox").fill(name);
        await until(
            () => names(page),
            (found) => found.length === 1 && found[0] === name,
        );
    }));

test("groups have subtotals that add up", () =>
    open({ hash: "#/c/prod-eu-1?group=zone&cols=name,pods" }, async (page) => {
        await ready(page);
        const rows = nodes(page)
            .locator("tbody")
            .getByRole("row")
            .filter({ has: page.locator("button[aria-expanded]") });
        const groups = await until(
            () => rows.count(),
            (count) => count > 1,
            "groups",
        );
        const heads = await rows.getByRole("rowheader").allInnerTexts();
        const counted = heads.map((text) => Number(/(\d+)\s*$/.exec(text)[1]));
        assert.equal(heads.length, groups);
        assert.equal(
            counted.reduce((a, b) => a + b),
            40,
        );
        await rows.first().getByRole("button").click();
        await until(
            () => rowCount(page),
            (count) => count === 40 + groups - counted[0],
            "a folded group",
        );
        await shot(page, "groups-light");
    }));

test("5,000 nodes: only the rows in sight are in the document, and all can be reached", () =>
    open({ hash: "#/c/big" }, async (page) => {
        await ready(page);
        assert.equal(await rowCount(page), 5000);
        const drawn = () => nodes(page).locator("tbody tr[aria-rowindex]").count();
        assert.ok((await drawn()) < 120, `${await drawn()} rows`);
        await page
            .getByRole("region", { name: "Nodes", exact: true })
            .getByRole("table")
            .locator("..")
            .evaluate((box) => box.scrollTo(0, box.scrollHeight));
        await nodes(page).locator('tr[aria-rowindex="5001"]').waitFor();
        assert.ok((await drawn()) < 120);
        await shot(page, "big-light");
    }));

test("5,000 nodes: a sort, a search and a scroll draw no chart, ask for no document and hold few rows", () =>
    open({ hash: "#/c/big" }, async (page, { requests }) => {
        await ready(page);
        await page.locator("section.charts[aria-busy=false] canvas").first().waitFor();
        assert.ok(requests.length <= 12, `${requests.length} requests to open a cluster`);
        const before = requests.length;
        await page.evaluate(() => {
            globalThis.draws = 0;
            const { clearRect } = CanvasRenderingContext2D.prototype;
            CanvasRenderingContext2D.prototype.clearRect = function (...given) {
                globalThis.draws += 1;
                return clearRect.apply(this, given);
            };
        });
        await heading(page, "node").getByRole("button").click();
        await page.getByRole("searchbox").fill("1");
        await page.getByText(/ of 5,000 nodes/).waitFor();
        const box = nodes(page).locator("..");
        await box.evaluate((found) => found.scrollTo(0, found.scrollHeight / 2));
        await until(
            () => nodes(page).locator("tbody tr[aria-rowindex]").first().getAttribute("aria-rowindex"),
            (found) => Number(found) > 100,
            "rows of the middle",
        );
        assert.equal(await page.evaluate(() => globalThis.draws), 0, "charts drawn again");
        assert.equal(requests.length, before, "requests");
        assert.ok((await nodes(page).locator("tbody tr").count()) < 120);
    }));

test("the heatmap has a cell a node, counted in words, and a click opens the node", () =>
    open({ hash: "#/c/prod-eu-1?tab=heatmap" }, async (page) => {
        const picture = page.getByRole("img", { name: /a cell for each of 40 nodes/ });
        await picture.waitFor();
        const counts = await page
            .getByRole("list", { name: /Nodes by/ })
            .locator("b")
            .allInnerTexts();
        assert.equal(
            counts.reduce((sum, text) => sum + Number(text), 0),
            40,
        );
        await page.getByLabel("colour").selectOption({ index: 1 });
        await until(
            () => hashOf(page),
            (hash) => /heat=/.test(hash),
        );
        await picture.click({ position: { x: 6, y: 30 } });
        await page.getByRole("complementary", { name: /^Node / }).waitFor();
        await shot(page, "heatmap-light");
    }));

test("charts say in words what they draw, gaps too; ranges are in the address", () =>
    open(MAIN, async (page) => {
        const charts = page.getByRole("region", { name: "Charts over time" });
        const labels = () =>
            charts.getByRole("img").evaluateAll((found) => found.map((each) => each.getAttribute("aria-label") ?? ""));
        const said = await until(
            labels,
            (found) => found.length === 3 && found.every((text) => /gap/.test(text)),
            "three charts",
        );
        assert.ok(
            said.some((text) => /requests [\d.,]+ to/.test(text)),
            said.join("\n"),
        );
        assert.ok(
            said.every((text) => / 1 gap$/.test(text)),
            `the two hours without a pass: ${said[0]}`,
        );
        for (const range of ["1h", "7d", "90d"]) {
            await charts.getByRole("button", { name: range, exact: true }).click();
            assert.match(hashOf(page), new RegExp(`range=${range}`));
        }
        assert.equal(await charts.locator("canvas").count(), 3);
    }));

test("dragging over a chart zooms in, and back takes it away", () =>
    open(MAIN, async (page) => {
        const charts = page.getByRole("region", { name: "Charts over time" });
        const box = await until(() => charts.locator("canvas").first().boundingBox(), Boolean);
        const y = box.y + box.height / 2;
        await page.mouse.move(box.x + box.width * 0.4, y);
        await page.mouse.down();
        await page.mouse.move(box.x + box.width * 0.55, y, { steps: 4 });
        await page.mouse.move(box.x + box.width * 0.7, y, { steps: 4 });
        await page.mouse.up();
        await until(
            () => hashOf(page),
            (hash) => /zoom=/.test(hash),
            "a zoom in the address",
        );
        await charts.getByRole("button", { name: "Whole range" }).click();
        await until(
            () => hashOf(page),
            (hash) => !/zoom=/.test(hash),
        );
    }));

test("what was zoomed into stays whole when the moment moves into it, and words are of it alone", () => {
    const [from, to] = [slot(3), slot(1)].map((each) => Date.parse(each) / 1000);
    const zoomed = `zoom=${from}-${to}`;
    return open({ hash: `#/c/prod-eu-1?${zoomed}` }, async (page) => {
        const chart = page.getByRole("img", { name: /^pods: pods/ });
        const words = await chart.getAttribute("aria-label");
        const days = new Set([slot(3), slot(1)].map((each) => each.slice(0, 10)));
        const pods = [...days]
            .flatMap((day) => dayIndex("prod-eu-1", day).snapshots)
            .filter((each) => each.slot >= slot(3) && each.slot <= slot(1))
            .map((each) => each.totals.pods.counted);
        const said = [Math.min(...pods), Math.max(...pods), pods.at(-1)].map((each) => each.toLocaleString("en"));
        assert.equal(words, `pods: pods ${said[0]} to ${said[1]}, last ${said[2]}; 0 gaps`);
        await page.goto(page.url().replace(/#.*/, `#/c/prod-eu-1?t=${slot(2)}&${zoomed}`));
        await page.getByTitle(`slot ${slot(2)}`).waitFor();
        await page.locator(".charts[aria-busy=false]").waitFor();
        assert.equal(await chart.getAttribute("aria-label"), words);
    });
});

test("namespaces are a table of their own", () =>
    open(MAIN, async (page) => {
        await ready(page);
        await tab(page, "Namespaces").click();
        const table = page.getByRole("region", { name: "Namespaces", exact: true }).getByRole("table");
        await table.locator("tbody").getByRole("rowheader").first().waitFor();
        assert.equal(Number(await table.getAttribute("aria-rowcount")) - 1, latest("prod-eu-1").namespaces.length);
        await shot(page, "namespaces-light");
        const heading = table.getByRole("columnheader", { name: "cpu requests" });
        assert.equal(await heading.getAttribute("aria-sort"), "descending");
        await heading.getByRole("button").click();
        await until(
            () => heading.getAttribute("aria-sort"),
            (order) => order === "ascending",
            "the first click turns the order round",
        );
    }));

test("a search that no namespace matches says of how many, and is taken away", () =>
    open({ hash: "#/c/prod-eu-1?tab=namespaces&q=ip-10" }, async (page) => {
        const all = latest("prod-eu-1").namespaces.length;
        await page.getByText(`0 of ${all} namespaces`).waitFor();
        assert.equal(await page.getByRole("searchbox", { name: "Search namespaces" }).inputValue(), "ip-10");
        await page.getByRole("button", { name: "Show all" }).click();
        await page.getByText(new RegExp(`^${all} namespaces`)).waitFor();
    }));

test("pods without a node, and those on nodes that are not listed, are shown", () =>
    open({ hash: "#/c/hostile" }, async (page) => {
        const outside = page.getByRole("region", { name: "Pods outside of the nodes below" });
        assert.match(await outside.innerText(), /1 pod without a node/);
        await outside.getByText(/1 node with pods, but not listed/).click();
        await outside.getByText(/gone-<b>node<\/b>/).waitFor();
    }));

test("a row opens the node's panel; the table stays, Escape closes", () =>
    open(MAIN, async (page) => {
        await ready(page);
        const name = (await names(page))[2];
        await nodes(page).getByRole("link", { name, exact: true }).click();
        const panel = page.getByRole("complementary", { name: `Node ${name}` });
        await panel.getByRole("heading", { name: "Facts" }).waitFor();
        const node = latest("prod-eu-1").nodes.find((each) => each.name === name);
        const text = await panel.innerText();
        for (const fact of [node.kubelet_version, node.zone, node.instance_type]) assert.ok(text.includes(fact), fact);
        assert.equal(await panel.getByRole("table", { name: "All resources of the node" }).count(), 1);
        assert.match(hashOf(page), new RegExp(`node=${name}`));
        await shot(page, "panel-light");
        await page.keyboard.press("Escape");
        await panel.waitFor({ state: "detached" });
        await ready(page);
    }));

test("a node's own day is read within bounds", () =>
    open(MAIN, async (page, seen) => {
        await ready(page);
        const before = seen.requests.filter((url) => url.includes("/snapshots/")).length;
        await nodes(page).getByRole("link").nth(1).click();
        const panel = page.getByRole("complementary");
        await panel.getByRole("heading", { name: "Its day" }).waitFor();
        const ask = panel.getByRole("button", { name: /day|read|load|show/i });
        if (await ask.count()) await ask.first().click();
        const read = () => seen.requests.filter((url) => url.includes("/snapshots/")).length - before;
        await until(read, (count) => count > 0, "snapshots of the day");
        await until(
            () => panel.getByRole("img", { name: /gap|snapshot|requests/ }).count(),
            (count) => count > 0,
            "a chart",
        );
        assert.ok(read() <= 110, `${read()} snapshots`);
    }));

test("unknown usage is unknown with its reason, never 0", () =>
    open({ hash: "#/c/batch" }, async (page) => {
        await ready(page);
        await page.getByText(/Usage is unknown for 4 nodes/).waitFor();
        const missing = latest("batch").usage.missing_nodes;
        assert.equal(missing.length, 4);
        const row = nodes(page)
            .getByRole("row")
            .filter({ has: page.getByRole("link", { name: missing[0], exact: true }) });
        const bars = await row
            .getByRole("img")
            .evaluateAll((found) => found.map((each) => each.getAttribute("aria-label")));
        assert.ok(bars.length > 0);
        for (const label of bars) assert.match(label, /usage unknown/, label);
    }));

test("the table comes as CSV, with exact integers, as it is narrowed and sorted", () =>
    open({ hash: "#/c/solo?sort=name:desc" }, async (page) => {
        await ready(page);
        const { name, text } = await downloaded(page, () => page.getByRole("button", { name: "CSV" }).click());
        assert.match(name, /^solo-.*\.csv$/);
        const lines = text.trim().split(/\r?\n/);
        const snapshot = latest("solo");
        assert.equal(lines.length, snapshot.nodes.length + 1);
        assert.ok(lines[1].startsWith(snapshot.nodes.at(-1).name));
        assert.ok(
            lines[1].split(",").includes(String(snapshot.nodes.at(-1).resources.cpu.requests)),
            lines.slice(0, 2).join("\n"),
        );
    }));

test("the snapshot comes as the JSON that is stored", () =>
    open({ hash: "#/c/solo" }, async (page) => {
        await ready(page);
        const { text } = await downloaded(page, () => page.getByRole("button", { name: "JSON" }).click());
        assert.deepEqual(JSON.parse(text), latest("solo"));
    }));

test("the command for the view can be copied, and works", () =>
    open({ hash: "#/c/prod-eu-1?sort=cpu:desc&group=zone" }, async (page) => {
        await ready(page);
        await page.getByRole("button", { name: "Command" }).click();
        const text = await page.getByText(/^nodetally show --store STORE /).innerText();
        const command = text.replace("nodetally", process.env.NODETALLY).replace("STORE", process.env.STORE);
        assert.match(execSync(command, { encoding: "utf8" }), /all 40 nodes/);
    }));

test("the same address shows the same to somebody else", async () => {
    const hash = `#/c/prod-eu-1?t=${slot(3)}&sort=name:desc&group=zone&range=6h`;
    const seen = [];
    for (const _ of [1, 2])
        await open({ hash }, async (page) => {
            await ready(page);
            seen.push([await names(page), await page.getByRole("combobox", { name: "Group by" }).inputValue()]);
        });
    assert.deepEqual(seen[0], seen[1]);
    assert.equal(seen[0][1], "zone");
});
