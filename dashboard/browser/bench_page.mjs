/** What is put into the page to measure it from inside: times to the frame that shows a change, long tasks, frames. */

/** Runs in the page before its own script. The page's own clocks are left alone: a faked frame would measure the fake. */
export function install(now) {
    const shift = now - Date.now();
    const real = Date.now;
    Date.now = () => real() + shift; // the store's snapshots are of this moment, so the page is not stale
    const tasks = [];
    new PerformanceObserver((list) => tasks.push(...list.getEntries().map((each) => each.duration))).observe({
        type: "longtask",
        buffered: true,
    });
    performance.setResourceTimingBufferSize(1000);

    /** After the frame that shows what is in the document now: a message is handled behind the frame that it was sent in. */
    const painted = () =>
        new Promise((done) => {
            requestAnimationFrame(() => {
                const channel = new MessageChannel();
                channel.port1.onmessage = () => done(performance.now());
                channel.port2.postMessage(null);
            });
        });

    const waiting = new Set();
    const look = () => {
        for (const each of waiting) {
            if (!each.there()) continue;
            waiting.delete(each);
            painted().then(each.done);
        }
    };
    new MutationObserver(look).observe(document, {
        attributes: true,
        characterData: true,
        childList: true,
        subtree: true,
    });
    /** When what is waited for has been painted. */
    const shown = (there) =>
        new Promise((done) => {
            waiting.add({ there, done });
            look();
        });

    const drawn = () => document.querySelector("section.charts[aria-busy=false] canvas") !== null;
    globalThis.bench = {
        useful: shown(() => /\d/.test(document.querySelector("dl.headline:not([aria-busy=true])")?.textContent ?? "")),
        rows: shown(() => document.querySelector("tr[aria-rowindex='2']")),
        charts: shown(drawn),
        drawn,
        longest: () => Math.max(0, ...tasks),
        /** From an act to the frame that shows what came of it. */
        async from(act, there) {
            await new Promise((done) => setTimeout(done, 50)); // what was done before it is over
            const start = performance.now();
            act();
            return (await shown(there)) - start;
        },
        /** How far apart the frames are while something is done in each. */
        async frames(count, act) {
            const times = [await painted()];
            for (let frame = 0; frame < count; frame++) {
                act(frame);
                times.push(await painted());
            }
            return times.slice(1).map((time, at) => time - times[at]);
        },
        /** Requests and stored bytes so far, the page's own files and the documents of the store. */
        downloaded() {
            const all = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
            return { requests: all.length, bytes: all.reduce((sum, each) => sum + each.encodedBodySize, 0) };
        },
    };
}
