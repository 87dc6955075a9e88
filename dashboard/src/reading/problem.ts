/** What can be wrong with a document, as one error that a page can show with what to do next. */

export type ProblemKind = "missing" | "damaged" | "newer" | "offline" | "refused" | "local" | "nothing-then";

export class Problem extends Error {
    constructor(
        readonly kind: ProblemKind,
        /** The document's key; "" where no single document is meant. */
        readonly key: string,
        readonly detail: string,
    ) {
        super(`${key}: ${kind}: ${detail}`);
    }
}

export const asProblem = (error: unknown, key = ""): Problem =>
    error instanceof Problem ? error : new Problem("damaged", key, String(error));
