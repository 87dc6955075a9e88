/** A parsed snapshot in, the page's model out, or Damage that says where. What is missing is null, never 0. */
import type { Node, Place, PodCounts, Resource, Resources, Snapshot, Usage } from "../types/model";
import { isSlot } from "./keys";

/** What a document says is not what its format allows. */
export class Damage extends Error {}

/** The document is of a schema that this page does not know. */
export class Newer extends Error {}

const SCHEMA = 1;
export const FIGURES = ["capacity", "allocatable", "requests", "limits", "scheduled", "containers", "usage"] as const;
export const COUNTS = ["counted", "pending", "terminating", "terminal", "allocatable"] as const;
const TEXTS = [
    "uid",
    "created_at",
    "pool",
    "capacity_type",
    "instance_type",
    "region",
    "zone",
    "architecture",
    "os_image",
    "kubelet_version",
] as const;
const FLAGS = ["ready", "schedulable", "cordoned"] as const;

export type Raw = Record<string, unknown>;

export function object(value: unknown, where: string): Raw {
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Damage(`${where} is no object`);
    return value as Raw;
}

export function array(value: unknown, where: string): unknown[] {
    if (!Array.isArray(value)) throw new Damage(`${where} is no list`);
    return value;
}

export function text(value: unknown, where: string): string {
    if (typeof value !== "string") throw new Damage(`${where} is no text`);
    return value;
}

export function textOrNull(value: unknown, where: string): string | null {
    return value === null || value === undefined ? null : text(value, where);
}

/** An integer, or null; JSON's 1e999 and 1.5 are none. */
export function integer(value: unknown, where: string): number | null {
    if (value === null || value === undefined) return null;
    if (typeof value !== "number" || !Number.isInteger(value)) throw new Damage(`${where} is no integer`);
    return value;
}

function flag(value: unknown, where: string): boolean | null {
    if (value === null || value === undefined) return null;
    if (typeof value !== "boolean") throw new Damage(`${where} is neither true nor false`);
    return value;
}

export function slot(value: unknown, where: string): string {
    const found = text(value, where);
    if (!isSlot(found)) throw new Damage(`${where} is no time`);
    return found;
}

/** The document's schema number is checked before anything else is believed. */
export function known(value: unknown): Raw {
    const raw = object(value, "the document");
    if (typeof raw.schema !== "number") throw new Damage("the document has no schema number");
    if (raw.schema > SCHEMA) throw new Newer(`schema ${raw.schema}, this page reads up to ${SCHEMA}`);
    return raw;
}

/** Checks in place: 5,000 nodes are not copied. */
export function asSnapshot(value: unknown): Snapshot {
    const raw = known(value);
    text(raw.cluster, "cluster");
    slot(raw.slot, "slot");
    raw.taken_at = raw.taken_at == null ? null : slot(raw.taken_at, "taken_at");
    raw.trigger = textOrNull(raw.trigger, "trigger") ?? "";
    raw.source = source(raw.source);
    raw.usage = usage(raw.usage);
    raw.cost = raw.cost == null ? null : cost(raw.cost);
    raw.totals = totals(raw.totals);
    array(raw.nodes, "nodes").forEach(node);
    raw.namespaces = raw.namespaces == null ? null : places(raw.namespaces, "namespaces");
    raw.unscheduled = raw.unscheduled == null ? null : place({ name: "", ...object(raw.unscheduled, "unscheduled") });
    raw.unknown_nodes = raw.unknown_nodes == null ? null : places(raw.unknown_nodes, "unknown_nodes");
    return raw as unknown as Snapshot;
}

function source(value: unknown): Raw {
    const raw = object(value, "source");
    text(raw.kind, "source.kind");
    raw.server_version = textOrNull(raw.server_version, "source.server_version");
    raw.consistent = flag(raw.consistent, "source.consistent");
    raw.reason = textOrNull(raw.reason, "source.reason");
    return raw;
}

function usage(value: unknown): Usage {
    const raw = object(value, "usage");
    text(raw.status, "usage.status");
    raw.reason = textOrNull(raw.reason, "usage.reason");
    raw.oldest = textOrNull(raw.oldest, "usage.oldest");
    raw.missing_nodes = array(raw.missing_nodes ?? [], "usage.missing_nodes").map((name) =>
        text(name, "a missing node"),
    );
    return raw as unknown as Usage;
}

function cost(value: unknown): Raw {
    const raw = object(value, "cost");
    for (const [name, each] of Object.entries(raw)) {
        if (typeof each !== "number") throw new Damage(`cost.${name} is no number`);
    }
    return raw;
}

function totals(value: unknown): Raw {
    const raw = object(value, "totals");
    const nodes = object(raw.nodes, "totals.nodes");
    for (const name of ["count", "ready", "schedulable"]) nodes[name] = integer(nodes[name], `totals.nodes.${name}`);
    counts(raw.pods, "totals.pods");
    resources(raw.resources, "totals");
    return raw;
}

function counts(value: unknown, where: string): PodCounts {
    const raw = object(value, where);
    for (const name of COUNTS) raw[name] = integer(raw[name], where);
    return raw as unknown as PodCounts;
}

function resources(value: unknown, where: string): Resources {
    const raw = object(value, `resources of ${where}`);
    for (const name in raw) {
        const figures = object(raw[name], name) as unknown as Resource;
        for (const figure of FIGURES) figures[figure] = integer(figures[figure], figure);
    }
    return raw as Resources;
}

function node(value: unknown, at: number): Node {
    try {
        const raw = object(value, "it");
        const name = text(raw.name, "its name");
        for (const field of TEXTS) raw[field] = textOrNull(raw[field], field);
        for (const field of FLAGS) raw[field] = flag(raw[field], field);
        raw.conditions = texts(raw.conditions, "conditions");
        raw.roles = texts(raw.roles, "roles");
        raw.taints = raw.taints == null ? null : array(raw.taints, "taints").map(taint);
        raw.labels = raw.labels == null ? null : labels(raw.labels);
        counts(raw.pods, "pods");
        resources(raw.resources, name);
        return raw as unknown as Node;
    } catch (error) {
        throw error instanceof Damage ? new Damage(`node ${at + 1}: ${error.message}`) : error;
    }
}

function texts(value: unknown, where: string): string[] | null {
    return value == null ? null : array(value, where).map((each) => text(each, where));
}

function taint(value: unknown): Raw {
    const raw = object(value, "a taint");
    text(raw.key, "a taint's key");
    raw.value = textOrNull(raw.value, "a taint's value") ?? "";
    text(raw.effect, "a taint's effect");
    return raw;
}

function labels(value: unknown): Raw {
    const raw = object(value, "labels");
    for (const name in raw) text(raw[name], "a label");
    return raw;
}

function places(value: unknown, where: string): Place[] {
    return array(value, where).map((each) => place(object(each, where)));
}

function place(raw: Raw): Place {
    text(raw.name, "a place's name");
    const pods = object(raw.pods, "its pods");
    for (const name of Object.keys(pods)) integer(pods[name], "its pods");
    pods.counted = integer(pods.counted, "its pods");
    const held = object(raw.resources, "its resources");
    for (const name in held) {
        const figures = object(held[name], name);
        for (const figure of ["requests", "limits"]) figures[figure] = integer(figures[figure], figure);
    }
    return raw as unknown as Place;
}
