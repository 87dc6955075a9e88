/** A key in, its document out: fetched beside the page, unpacked where it is gzip, parsed. Knows no format. */
import { Problem } from "./problem";

export interface Fetched {
    value: unknown;
    etag: string | null;
    /** What was stored, before it was unpacked: the size of a download. */
    bytes: number;
}

/** Where a key is: relative to the page, so that any prefix and any host will do. */
function urlOf(key: string): string {
    return new URL(key.split("/").map(encodeURIComponent).join("/").replaceAll("%3D", "="), document.baseURI).href;
}

/**
 * Fetch one document. `revalidate` asks the host even where the browser holds a copy: the browser then sends the ETag
 * itself and gets a 304 (a header of ours would force a preflight). `known` is the ETag of what is already read.
 * Returns null where the document is still the known one. Raises Problem.
 */
export async function fetchDocument(
    key: string,
    { revalidate = false, known = null as string | null } = {},
): Promise<Fetched | null> {
    const response = await answer(key, revalidate);
    const etag = response.headers.get("ETag") ?? response.headers.get("Last-Modified");
    if (known !== null && etag === known) {
        await response.body?.cancel();
        return null;
    }
    const body = await received(response, key);
    return { value: parsed(await unpacked(body, key), key), etag, bytes: stored(response, body) };
}

/** A host that says Content-Encoding has the browser unpack the body, but says how long what it sent is. */
const stored = (response: Response, body: Uint8Array): number =>
    Number(response.headers.get("Content-Encoding") && response.headers.get("Content-Length")) || body.byteLength;

/** A document as it is stored, unpacked and unread: integers beyond 2^53 stay what they are. */
export async function fetchText(key: string): Promise<string> {
    const body = await received(await answer(key, false), key);
    return new TextDecoder().decode(await unpacked(body, key));
}

async function answer(key: string, revalidate: boolean): Promise<Response> {
    let response: Response;
    try {
        response = await fetch(urlOf(key), { cache: revalidate ? "no-cache" : "default" });
    } catch (error) {
        if (location.protocol === "file:") {
            throw new Problem("local", key, "a browser does not let a page read files beside it");
        }
        throw new Problem("offline", key, String(error instanceof Error ? error.message : error));
    }
    if (response.status === 404) throw new Problem("missing", key, "the host answers 404");
    if (response.status === 401 || response.status === 403) {
        // S3 answers 403 for what is not there to someone who may not list the bucket.
        throw new Problem("refused", key, `the host answers ${response.status}`);
    }
    if (!response.ok) throw new Problem("offline", key, `the host answers ${response.status}`);
    return response;
}

async function received(response: Response, key: string): Promise<Uint8Array<ArrayBuffer>> {
    try {
        return new Uint8Array(await response.arrayBuffer());
    } catch {
        throw new Problem("offline", key, "the answer broke off, or does not unpack as its header says");
    }
}

/** gzip is known by its first bytes, whatever the host's headers say. */
async function unpacked(body: Uint8Array<ArrayBuffer>, key: string): Promise<Uint8Array<ArrayBuffer>> {
    if (body[0] !== 0x1f || body[1] !== 0x8b) return body;
    try {
        const stream = new Blob([body]).stream().pipeThrough(new DecompressionStream("gzip"));
        return new Uint8Array(await new Response(stream).arrayBuffer());
    } catch {
        throw new Problem("damaged", key, "its gzip does not unpack");
    }
}

function parsed(body: Uint8Array, key: string): unknown {
    try {
        return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
    } catch {
        throw new Problem("damaged", key, "it is no JSON");
    }
}
