/** No wrong number: what the page shows is what `nodetally show --format json` says of the same store. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { hashOf, nodes, pages, ready, slot, until } from "./support.mjs";

const open = pages();
const { NODETALLY, STORE } = process.env;
const GIB = 2 ** 30;

const shown = (cluster, at) =>
    JSON.parse(
        execFileSync(
            NODETALLY,
            ["show", "--store", STORE, "--cluster", cluster, "--format", "json", ...(at ? ["--at", at] : [])],
            { encoding: "utf8", maxBuffer: 1e9, stdio: ["ignore", "pipe", "ignore"] },
        ),
    );
const headline = (page) =>
    page.locator("dl.headline > div").evaluateAll((found) =>
        found.map((each) => ({
            label: each.querySelector("dt").textContent,
            big: each.querySelector("b").textContent,
            small: each.querySelector("span").textContent.trim(),
            hover: each.title,
        })),
    );
/** Written here anew, and on purpose without the page's own code. */
const share = (part, whole) => {
    if (part === null || whole === null) return "?";
    if (part === whole) return "100%";
    const percent = (part * 100) / whole;
    return part > whole
        ? `${Math.max(101, Math.ceil(percent))}%`
        : percent < 1 && part
          ? "<1%"
          : `${Math.floor(percent)}%`;
};
const digits = (text) => text.replace(/[,\s]/g, "");

for (const [cluster, at] of [["prod-eu-1"], ["prod-eu-1", slot(6)], ["batch"], ["solo"], ["odd"], ["big"]])
    test(`the six numbers of ${cluster} ${at ? "six hours ago" : "now"} are the snapshot's`, () =>
        open({ hash: `#/c/${cluster}${at ? `?t=${at}` : ""}` }, async (page) => {
            await ready(page);
            const { totals } = shown(cluster, at);
            const [count, pods, ...shares] = await headline(page);
            assert.equal(digits(count.big), String(totals.nodes.count));
            assert.match(count.hover, new RegExp(`^${totals.nodes.ready.toLocaleString("en")} of`));
            assert.equal(digits(pods.big), String(totals.pods.counted));
            for (const [name, part, said] of [
                ["cpu", "requests", shares[0]],
                ["memory", "requests", shares[1]],
                ["cpu", "usage", shares[2]],
                ["memory", "usage", shares[3]],
            ]) {
                const row = totals.resources[name];
                assert.equal(said.label, `${name} ${part}`);
                assert.equal(said.big, share(row[part], row.allocatable), said.label);
                if (row[part] !== null) assert.ok(digits(said.hover).includes(row[part]), said.hover);
                else assert.match(said.small, /^unknown for (a|\d+) node|^unknown: absent$/);
            }
        }));

/** The exact integers of a column, by node, as hovering shows them. */
const column = (page, title) =>
    nodes(page).evaluate((table, wanted) => {
        const at = [...table.tHead.rows[0].cells].findIndex((cell) => cell.textContent.trim().startsWith(wanted));
        return Object.fromEntries(
            [...table.tBodies[0].rows]
                .filter((row) => row.hasAttribute("aria-rowindex"))
                .map((row) => [row.cells[0].textContent, [row.cells[at].textContent, row.cells[at].title]]),
        );
    }, title);

test("every amount of every node is the stored integer, and is shown in cores and GiB", () =>
    open({ hash: "#/c/solo?cols=name,cpu-requests,cpu-headroom,memory-limits,memory-allocatable" }, async (page) => {
        await ready(page);
        const { nodes: stored } = shown("solo");
        for (const [title, of] of [
            ["cpu requests", ({ cpu }) => [cpu.requests, cpu.requests / 1000]],
            ["cpu headroom", ({ cpu }) => [cpu.allocatable - cpu.requests, (cpu.allocatable - cpu.requests) / 1000]],
            ["memory limits", ({ memory }) => [memory.limits, memory.limits / GIB]],
            ["memory allocatable", ({ memory }) => [memory.allocatable, memory.allocatable / GIB]],
        ]) {
            const found = await column(page, title);
            assert.ok(Object.keys(found).length > 10);
            for (const [name, [text, hover]] of Object.entries(found)) {
                const [exact, amount] = of(stored.find((node) => node.name === name).resources);
                assert.equal(
                    digits(hover)
                        .replace(/[a-z]+$/, "")
                        .replace("−", "-"),
                    String(exact),
                    `${title} ${name}`,
                );
                assert.ok(
                    Math.abs(Number(digits(text).replace("−", "-")) - amount) <= 0.0501,
                    `${title} ${name}: ${text}`,
                );
            }
        }
    }));

test("sums of groups, and of what is narrowed down to, are the sums of their nodes", async () => {
    const { nodes: stored } = shown("prod-eu-1");
    const zones = [...new Set(stored.map((node) => node.zone))];
    const asked = (members) => members.reduce((total, node) => total + node.resources.cpu.requests, 0);
    const view = "#/c/prod-eu-1?cols=name,cpu-requests,pods";
    await open({ hash: `${view}&group=zone&folded=${zones.join(",")}` }, async (page) => {
        await ready(page);
        const found = Object.entries(await column(page, "cpu requests"));
        assert.equal(found.length, zones.length);
        for (const zone of zones) {
            const [, [, hover]] = found.find(([name]) => name.includes(zone));
            assert.equal(digits(hover), `${asked(stored.filter((node) => node.zone === zone))}millicores`, zone);
        }
    });
    await open({ hash: `${view}&zone=${zones[0]}` }, async (page) => {
        await ready(page);
        const [, [, hover]] = Object.entries(await column(page, "cpu requests")).find(([name]) => /^sum of/.test(name));
        assert.equal(digits(hover), `${asked(stored.filter((node) => node.zone === zones[0]))}millicores`);
    });
});

test("more requested or used than there is, nothing there, nothing known: each is said as what it is", () =>
    open({ hash: "#/c/odd" }, async (page) => {
        await ready(page);
        const words = async (name) => {
            const row = nodes(page)
                .getByRole("row")
                .filter({ has: page.getByRole("link", { name, exact: true }) });
            const label = await row
                .getByRole("img")
                .first()
                .getAttribute("aria-label")
                .catch(() => null);
            return [label, await row.innerText()];
        };
        assert.match((await words("over"))[0], /requests 300% of allocatable.*headroom −/);
        assert.match((await words("hot"))[0], /usage \d/);
        assert.match((await words("unsaid"))[0], /requests unknown of allocatable.*headroom unknown/);
        assert.match((await words("unsaid"))[1], /\d \/ \?/);
        assert.match((await words("idle"))[0], /requests 0% of allocatable.*usage 0.0 cores/);
        assert.match((await words("empty"))[0], /requests over 100% of allocatable, [\d.]+ cores of 0.0 cores/);
        const bare = nodes(page)
            .getByRole("row")
            .filter({ has: page.getByRole("link", { name: "bare", exact: true }) });
        assert.equal(await bare.getByRole("img").count(), 0, "a node without resources has no bars");
        assert.match(await bare.innerText(), /\?\s+\?/, "a node that has reported nothing is unknown");
        assert.doesNotMatch(await bare.innerText(), /0%|0\.0/);
    }));

test("a cluster of no nodes has none of anything, and every view stands", async () => {
    for (const tab of ["nodes", "heatmap", "namespaces", "changes"])
        await open({ hash: `#/c/none?tab=${tab}` }, async (page) => {
            await until(
                () => headline(page),
                (found) => found.length === 6 && found[0].big === "0",
                "no nodes",
            );
            const said = await headline(page);
            assert.deepEqual(
                said.slice(2).map(({ big, small }) => [big, small]),
                ["cpu", "memory", "cpu", "memory"].map((name) => ["–", `no ${name}`]),
            );
        });
});

test("90 days are read once each, and only those that there are", () =>
    open({ hash: "#/c/prod-eu-1?range=90d" }, async (page, seen) => {
        await ready(page);
        await page.getByText(/snapshots from \d+ day indexes/).waitFor();
        const asked = seen.requests.filter((url) => url.includes("/days/"));
        assert.equal(new Set(asked).size, asked.length, "each once");
        assert.ok(asked.length <= 12, `${asked.length} requests`);
    }));

for (const width of [1280, 1440])
    test(`the row that is clicked stays where it is, ${width} px`, () =>
        open({ hash: "#/c/prod-eu-1", viewport: { width, height: 900 } }, async (page) => {
            await ready(page);
            await page.getByText(/snapshots from \d+ day index/).waitFor();
            const link = nodes(page).getByRole("link").nth(3);
            const before = await link.boundingBox();
            await link.click();
            await page.getByRole("complementary").waitFor();
            assert.equal(Math.round((await link.boundingBox()).y), Math.round(before.y));
        }));

test("a stale cluster is not called live", () =>
    open({ hash: "#/c/prod-us-2" }, async (page) => {
        await ready(page);
        await page.getByRole("button", { name: "Time: latest, 3 d old" }).waitFor();
        await page.goto(page.url().replace(/#.*/, "#/c/prod-eu-1"));
        await page.getByRole("button", { name: "Time: live" }).waitFor();
    }));

test("the menu of times holds what it shows", () =>
    open({ hash: "#/c/prod-eu-1" }, async (page) => {
        await ready(page);
        await page.getByRole("button", { name: /^Time: / }).click();
        const panel = page.getByRole("group", { name: "Time: live" });
        const [inside, room] = await panel.evaluate((each) => [each.scrollWidth, each.clientWidth]);
        assert.ok(inside <= room, `${inside} px in ${room}`);
    }));

test("back and forward go through every state, and the page is as it was", () =>
    open({ hash: "#/c/prod-eu-1" }, async (page) => {
        await ready(page);
        const tab = (name) =>
            page.getByRole("navigation", { name: "Views of the cluster" }).getByRole("link", { name }).click();
        const hashes = [hashOf(page)];
        const steps = [
            () => nodes(page).getByRole("columnheader", { name: "pods" }).getByRole("button").click(),
            () => page.getByRole("combobox", { name: "Group by" }).selectOption("zone"),
            () => nodes(page).getByRole("link").first().click(),
            () => tab("Namespaces"),
            () => page.getByRole("button", { name: "7d", exact: true }).click(),
        ];
        for (const step of steps) {
            await step();
            hashes.push(
                await until(
                    () => hashOf(page),
                    (hash) => hash !== hashes.at(-1),
                    "a new address",
                ),
            );
        }
        for (const hash of hashes.slice(0, -1).toReversed()) {
            await page.goBack();
            await until(
                () => hashOf(page),
                (found) => found === hash,
                hash,
            );
        }
        await ready(page);
        assert.equal(await page.getByRole("complementary").count(), 0);
        for (const hash of hashes.slice(1)) {
            await page.goForward();
            await until(
                () => hashOf(page),
                (found) => found === hash,
                hash,
            );
        }
        await page.getByRole("region", { name: "Namespaces", exact: true }).waitFor();
    }));

test("two tabs of one browser do not disturb each other", () =>
    open({ hash: "#/c/solo?sort=name:desc" }, async (page) => {
        await ready(page);
        const other = await page.context().newPage();
        await other.goto(page.url().replace(/#.*/, "#/c/prod-eu-1?tab=heatmap"));
        await other.getByRole("img", { name: /a cell for each of 40 nodes/ }).waitFor();
        assert.match(hashOf(page), /solo\?sort=name:desc/);
        await ready(page);
        await other.close();
    }));

test("a name that could be no key is shown as text, and never asked for", () =>
    open({ hash: `#/c/${encodeURIComponent("evil/<img src=x onerror=alert(1)>")}` }, async (page, seen) => {
        await page
            .getByText(/This store has nothing of a cluster called evil\/<img|that is not the name/)
            .first()
            .waitFor();
        assert.deepEqual(
            seen.requests.filter((url) => /evil/.test(new URL(url).pathname)),
            [],
        );
    }));
