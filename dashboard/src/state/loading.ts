/** A document that is being read, as state: the value, what went wrong, and asking again while somebody looks. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { asProblem, type Problem } from "../reading/problem";

export const POLL_MS = 30_000; // the store's cache header: asking more often can bring nothing new

export interface Loaded<T> {
    value: T | null;
    /** What the last attempt said; the value before it is kept. */
    problem: Problem | null;
    loading: boolean;
    again: () => void;
}

interface State<T> {
    key: string | null;
    value: T | null;
    /** Which key the value was read for: another one's is not shown beside a problem. */
    of: string | null;
    problem: Problem | null;
    loading: boolean;
}

/**
 * Reads when `key` changes (null: nothing to read), and every `pollMs` while the page is visible. `keep`: while another
 * key is being read, the old value stays on the screen, so that stepping through time does not flicker.
 */
export function useLoaded<T>(
    key: string | null,
    load: () => Promise<T>,
    { pollMs = null as number | null, keep = false } = {},
): Loaded<T> {
    const [state, setState] = useState<State<T>>({ key, value: null, of: null, problem: null, loading: key !== null });
    const current = useRef({ key, load });
    current.current = { key, load };

    const read = useCallback(async () => {
        const started = current.current;
        if (started.key === null) return;
        const settle = (read: T | null, problem: Problem | null) => {
            if (current.current.key !== started.key) return;
            setState((old) => {
                const value = read ?? (old.of === started.key ? old.value : null);
                const same = old.of === started.key && old.value === value && !old.problem && !problem && !old.loading;
                return same ? old : { key: started.key, value, of: value && started.key, problem, loading: false };
            });
        };
        try {
            settle(await started.load(), null);
        } catch (error) {
            settle(null, asProblem(error));
        }
    }, []);

    useEffect(() => {
        setState((old) =>
            old.key === key
                ? old
                : { ...old, key, value: keep ? old.value : null, problem: null, loading: key !== null },
        );
        void read();
    }, [key, keep, read]);
    useEffect(() => (pollMs === null ? undefined : poll(pollMs, () => void read())), [pollMs, read]);

    const isOld = state.key !== key;
    return {
        value: isOld && !keep ? null : state.value,
        problem: isOld ? null : state.problem,
        loading: isOld ? key !== null : state.loading,
        again: read,
    };
}

/** Calls every `ms` while the page is visible, and at once when it comes back after longer, or goes online. */
export function poll(ms: number, call: () => void): () => void {
    let last = Date.now();
    const due = () => {
        if (document.hidden || Date.now() - last < ms) return;
        last = Date.now();
        call();
    };
    const online = () => {
        last = 0;
        due();
    };
    const timer = setInterval(due, Math.min(ms, 5_000));
    document.addEventListener("visibilitychange", due);
    addEventListener("online", online);
    return () => {
        clearInterval(timer);
        document.removeEventListener("visibilitychange", due);
        removeEventListener("online", online);
    };
}

/** The clock, read now and again: "40 s ago" has to move on. */
export function useNow(everyMs = 10_000): number {
    const [now, setNow] = useState(Date.now);
    useEffect(() => {
        const timer = setInterval(() => setNow(Date.now()), everyMs);
        return () => clearInterval(timer);
    }, [everyMs]);
    return now;
}
