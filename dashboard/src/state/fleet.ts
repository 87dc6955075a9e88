/** Every cluster of the store at the view's moment, as state: each by itself, so that a damaged one harms no other. */
import { useEffect, useState } from "preact/hooks";
import { takenAt } from "../logic/times";
import { entryAt } from "../reading/days";
import type { Library } from "../reading/library";
import { asProblem, type Problem } from "../reading/problem";
import type { ClusterIndex, SmallTotals } from "../types/derived";
import { type Loaded, POLL_MS, poll, useLoaded } from "./loading";

export interface Member {
    name: string;
    index: ClusterIndex | null;
    /** The totals at the moment that is shown, and when they were taken. */
    totals: SmallTotals | null;
    takenAt: number | null;
    /** Beside totals: why they are older than they could be. */
    problem: Problem | null;
    loading: boolean;
}

export interface Fleet {
    list: Loaded<string[]>;
    members: Member[];
}

export function useFleet(library: Library, t: string | null): Fleet {
    const list = useLoaded("clusters", () => named(library), { pollMs: POLL_MS });
    const names = list.value?.join("\n") ?? null;
    const [read, setRead] = useState<{ of: string; members: Map<string, Member> }>({ of: "", members: new Map() });
    const of = t ?? "";
    useEffect(() => {
        if (names === null || names === "") return;
        let over = false;
        const readAll = () => {
            for (const name of names.split("\n")) {
                void member(library, name, t).then((made) => {
                    if (over) return;
                    setRead((old) => ({
                        of,
                        members: new Map(old.of === of ? old.members : []).set(name, kept(old, of, made)),
                    }));
                });
            }
        };
        readAll();
        const stop = t === null ? poll(POLL_MS, readAll) : null;
        return () => {
            over = true;
            stop?.();
        };
    }, [names, t, of, library]);
    const members = (list.value ?? []).map((name) => (read.of === of && read.members.get(name)) || waiting(name));
    return { list, members };
}

/** The same array for the same names: polling it draws nothing again. */
const lists = new Map<string, string[]>();

async function named(library: Library): Promise<string[]> {
    const { clusters } = await library.clusters();
    const key = clusters.join("\n");
    const found = lists.get(key) ?? [...new Set(clusters.map((name) => name.replaceAll("\n", " ")))].sort();
    lists.set(key, found);
    return found;
}

const waiting = (name: string): Member => ({
    name,
    index: null,
    totals: null,
    takenAt: null,
    problem: null,
    loading: true,
});

/** What could not be fetched just now keeps the numbers from before, beside its problem. */
function kept(old: { of: string; members: Map<string, Member> }, of: string, made: Member): Member {
    const before = old.of === of ? old.members.get(made.name) : undefined;
    return made.problem && !made.totals && before?.totals ? { ...before, problem: made.problem } : made;
}

async function member(library: Library, name: string, t: string | null): Promise<Member> {
    const made = { ...waiting(name), loading: false };
    try {
        const index = await library.index(name);
        if (t === null) return { ...made, index, totals: index.totals, takenAt: takenAt(index.last) };
        const { entry, problems } = await entryAt(library, index, t);
        return { ...made, index, totals: entry.totals, takenAt: takenAt(entry), problem: problems[0] ?? null };
    } catch (error) {
        return { ...made, problem: asProblem(error) };
    }
}
