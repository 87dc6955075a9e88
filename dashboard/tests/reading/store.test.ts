/** Reading a store: bytes to documents, what is held, what is asked again, and a store that is partly broken. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { daysBetween, entryAt, neighbour, readSpan } from "../../src/reading/days";
import { fetchDocument, fetchText } from "../../src/reading/fetching";
import { Library } from "../../src/reading/library";
import { Problem } from "../../src/reading/problem";
import { node, smallTotals, snapshot } from "../support";

async function gzip(text: string): Promise<Uint8Array<ArrayBuffer>> {
    const packed = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
    return new Uint8Array(await new Response(packed).arrayBuffer());
}

const NOW = Date.parse("2026-11-23T12:30:00Z");

describe("fetching", () => {
    const answers = (body: BodyInit | null, init: ResponseInit = {}) =>
        vi.stubGlobal(
            "fetch",
            vi.fn(async () => new Response(body, init)),
        );
    beforeEach(() => {
        vi.stubGlobal("document", { baseURI: "https://host/some/prefix/index.html" });
        vi.stubGlobal("location", { protocol: "https:" });
    });
    afterEach(() => vi.unstubAllGlobals());
    const problem = (key = "clusters.json") =>
        fetchDocument(key).then(
            () => "none",
            (error: Problem) => error.kind,
        );

    test("gzip is unpacked whether or not the host says so", async () => {
        const packed = await gzip('{"a":1}');
        answers(packed);
        expect(await fetchDocument("x.json.gz")).toMatchObject({ value: { a: 1 }, bytes: packed.length });
        answers('{"a":1}');
        expect(await fetchDocument("x.json.gz")).toMatchObject({ value: { a: 1 } });
    });
    test("a host that unpacks on the way still says how much was stored", async () => {
        answers('{"a":1}', { headers: { "Content-Encoding": "gzip", "Content-Length": "27" } });
        expect(await fetchDocument("x.json.gz")).toMatchObject({ value: { a: 1 }, bytes: 27 });
        answers('{"a":1}', { headers: { "Content-Encoding": "gzip" } });
        expect(await fetchDocument("x.json.gz")).toMatchObject({ bytes: 7 });
    });
    test("keys are beside the page, under any prefix", async () => {
        answers("{}");
        await fetchDocument("snapshots/cluster=a/x y.json.gz");
        expect(vi.mocked(fetch).mock.calls[0]?.[0]).toBe("https://host/some/prefix/snapshots/cluster=a/x%20y.json.gz");
    });
    test("no header of ours is sent: it would force a preflight", async () => {
        answers("{}");
        await fetchDocument("x", { revalidate: true });
        expect(vi.mocked(fetch).mock.calls[0]?.[1]).toEqual({ cache: "no-cache" });
    });
    test("a document that is still the known one is not read again", async () => {
        answers("{ broken", { headers: { ETag: '"1"' } });
        expect(await fetchDocument("x", { known: '"1"' })).toBeNull();
    });
    test.each([
        [404, "missing"],
        [403, "refused"],
        [401, "refused"],
        [500, "offline"],
    ])("%i is %s", async (status, kind) => {
        answers("", { status });
        expect(await problem()).toBe(kind);
    });
    test("a body that is cut short, no JSON or no UTF-8 is damaged", async () => {
        for (const body of [(await gzip('{"a":1}')).subarray(0, 12), "{ broken", new Uint8Array([0x22, 0xff, 0x22])]) {
            answers(body as BodyInit);
            expect(await problem()).toBe("damaged");
        }
    });
    test("no answer is offline, and a file page is told why", async () => {
        vi.stubGlobal("fetch", async () => Promise.reject(new TypeError("no")));
        expect(await problem()).toBe("offline");
        vi.stubGlobal("location", { protocol: "file:" });
        expect(await problem()).toBe("local");
    });
    test("a download keeps integers that a browser would round", async () => {
        answers(await gzip('{"n":9007199254740993}'));
        expect(await fetchText("x.json.gz")).toBe('{"n":9007199254740993}');
    });
});

/** A store in memory: documents by key, and what was asked of it. */
function store(documents: Record<string, unknown>) {
    const asked: string[] = [];
    const clock = { now: NOW };
    const fetch = async (key: string, { known = null as string | null } = {}) => {
        asked.push(key);
        const found = documents[key];
        if (found === undefined) throw new Problem("missing", key, "the host answers 404");
        if (found instanceof Error) throw found;
        const etag = JSON.stringify(found);
        return known === etag ? null : { value: JSON.parse(etag), etag, bytes: etag.length };
    };
    return { library: new Library(fetch, () => clock.now), asked, clock, documents };
}

const slotAt = (date: string, hour: number) => `${date}T${String(hour).padStart(2, "0")}:00:00Z`;
const dayOf = (date: string, hours: number[]) => ({
    schema: 1,
    cluster: "prod",
    date,
    snapshots: hours.map((hour) => ({ slot: slotAt(date, hour), key: "", taken_at: null, totals: smallTotals() })),
});
const DAYS = ["2026-11-21", "2026-11-22", "2026-11-23"];
const INDEX = { cluster: "prod", days: DAYS };
const three = () =>
    store({
        "clusters/prod/days/2026-11-21.json": dayOf("2026-11-21", [0, 12]),
        "clusters/prod/days/2026-11-22.json": new Problem(
            "damaged",
            "clusters/prod/days/2026-11-22.json",
            "it is no JSON",
        ),
        "clusters/prod/days/2026-11-23.json": dayOf("2026-11-23", [0, 12]),
    });

describe("the library", () => {
    const latest = { "clusters/prod/latest.json.gz": snapshot([node("a")]) };
    test("asks for latest at most every 30 seconds", async () => {
        const { library, asked, clock } = store(latest);
        await library.latest("prod");
        clock.now += 20_000;
        await library.latest("prod");
        expect(asked).toHaveLength(1);
        clock.now += 10_000;
        await library.latest("prod");
        expect(asked).toHaveLength(2);
    });
    test("gives the same object for the same document, so that nothing is drawn again", async () => {
        const { library, clock, documents } = store({ ...latest });
        const first = await library.latest("prod");
        clock.now += 60_000;
        expect((await library.latest("prod")).value).toBe(first.value);
        documents["clusters/prod/latest.json.gz"] = snapshot([node("b")]);
        clock.now += 60_000;
        expect((await library.latest("prod")).value.nodes[0]?.name).toBe("b");
    });
    test("two that ask at once ask the store once", async () => {
        const { library, asked } = store(latest);
        await Promise.all([library.latest("prod"), library.latest("prod")]);
        expect(asked).toHaveLength(1);
    });
    test("a snapshot of another cluster, or of a newer schema, is a problem with its key", async () => {
        const other = store({ "clusters/prod/latest.json.gz": snapshot([], { cluster: "other" }) });
        await expect(other.library.latest("prod")).rejects.toMatchObject({
            kind: "damaged",
            key: "clusters/prod/latest.json.gz",
        });
        const newer = store({ "clusters/prod/latest.json.gz": { schema: 2 } });
        await expect(newer.library.latest("prod")).rejects.toMatchObject({ kind: "newer" });
    });
    test("a name that could be a path is never asked for", async () => {
        const { library, asked } = store({});
        await expect(library.index("../secret").catch(String)).resolves.toMatch(/not the name of a cluster/);
        await expect(library.index("a/b")).rejects.toBeInstanceOf(Problem);
        expect(asked).toEqual([]);
    });
    test("a snapshot is read once; after a failure it is asked for again", async () => {
        const { library, asked, documents } = store({});
        await expect(library.snapshot("prod", "k")).rejects.toMatchObject({ kind: "missing" });
        documents.k = snapshot([]);
        await library.snapshot("prod", "k");
        await library.snapshot("prod", "k");
        expect(asked).toHaveLength(2);
    });
});

describe("days", () => {
    test("of a span, newest first", () => {
        expect(daysBetween(DAYS, Date.parse("2026-11-22T10:00:00Z"), NOW)).toEqual(["2026-11-23", "2026-11-22"]);
    });
    test("a damaged one is named, the others are read", async () => {
        const span = await readSpan(three().library, INDEX, Date.parse("2026-11-21T01:00:00Z"), NOW);
        expect(span.entries.map((entry) => entry.slot)).toEqual([
            "2026-11-21T12:00:00Z",
            "2026-11-23T00:00:00Z",
            "2026-11-23T12:00:00Z",
        ]);
        expect(span.problems.map((problem) => problem.key)).toEqual(["clusters/prod/days/2026-11-22.json"]);
        expect([span.documents, span.bytes > 0, span.unread]).toEqual([3, true, []]);
    });
    test("beyond the budget, older ones are left out and named", async () => {
        const days = Array.from({ length: 9 }, (_, at) => `2026-11-0${at + 1}`);
        const { library } = store(
            Object.fromEntries(days.map((day) => [`clusters/prod/days/${day}.json`, dayOf(day, [0])])),
        );
        const span = await readSpan(library, { cluster: "prod", days }, Date.parse("2026-11-01"), NOW, 10);
        expect(span.unread).toEqual(["2026-11-03", "2026-11-02", "2026-11-01"]);
    });
    test("the snapshot at a moment is the newest one not after it; a day that cannot be read is told", async () => {
        const { library } = three();
        expect((await entryAt(library, INDEX, "2026-11-23T11:59:59Z")).entry.slot).toBe("2026-11-23T00:00:00Z");
        const before = await entryAt(library, INDEX, "2026-11-22T20:00:00Z");
        expect([before.entry.slot, before.problems.length]).toEqual(["2026-11-21T12:00:00Z", 1]);
        await expect(entryAt(library, INDEX, "2026-11-20T00:00:00Z")).rejects.toMatchObject({ kind: "nothing-then" });
    });
    test("a step goes to the next snapshot, over days, and ends at the ends", async () => {
        const { library } = three();
        expect((await neighbour(library, INDEX, "2026-11-23T00:00:00Z", -1))?.slot).toBe("2026-11-21T12:00:00Z");
        expect((await neighbour(library, INDEX, "2026-11-21T12:00:00Z", 1))?.slot).toBe("2026-11-23T00:00:00Z");
        expect(await neighbour(library, INDEX, "2026-11-23T12:00:00Z", 1)).toBeNull();
        expect(await neighbour(library, INDEX, "2026-11-21T00:00:00Z", -1)).toBeNull();
    });
});
