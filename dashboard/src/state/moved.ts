/** Which nodes a newer snapshot changed, for as long as the eye needs to see it. */
import { useEffect, useRef, useState } from "preact/hooks";
import { compare, notable } from "../logic/compare";
import type { Snapshot } from "../types/model";

const MARKED_MS = 3_000;
const NONE: ReadonlySet<string> = new Set();

/** Only when the page itself went on to a newer snapshot: a step in time by the reader marks nothing. */
export function useMoved(snapshot: Snapshot): ReadonlySet<string> {
    const [moved, setMoved] = useState(NONE);
    const before = useRef({ snapshot, hash: location.hash });
    useEffect(() => {
        const old = before.current;
        before.current = { snapshot, hash: location.hash };
        const isLive = !/[?&]t=/.test(location.hash) && !/[?&]t=/.test(old.hash);
        if (old.snapshot === snapshot || old.snapshot.cluster !== snapshot.cluster || !isLive) return;
        const { came, changed } = compare(old.snapshot, snapshot);
        setMoved(new Set([...came, ...changed.filter(notable)].map((each) => each.name)));
        const timer = setTimeout(() => setMoved(NONE), MARKED_MS);
        return () => clearTimeout(timer);
    }, [snapshot]);
    return moved;
}
