/** The picture of the page for the project's README: a cluster of the showcase store, in a real Chromium. */
import { launch } from "./support.mjs";

const [site, target, now] = process.argv.slice(2);
const { browser, close } = await launch();
try {
    const context = await browser.newContext({
        viewport: { width: 1240, height: 800 },
        colorScheme: "light",
        timezoneId: "UTC",
        locale: "en-GB",
    });
    const page = await context.newPage();
    await page.clock.install({ time: new Date(Date.parse(now) + 40_000) });
    await page.goto(`${site}#/c/prod-eu-1?sort=cpu:desc&cols=name,state,cpu,memory,pods,pool,instance-type`);
    await page.locator("tr[aria-rowindex='2']").waitFor();
    await page.getByText(/snapshots from \d+ day index/).waitFor();
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    await page.screenshot({ path: target, animations: "disabled" });
} finally {
    await close();
}
