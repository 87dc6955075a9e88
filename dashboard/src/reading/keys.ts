/** Every key of the store that the page reads is made and checked here, as job/nodetally/store/layout.py makes them. */

export const CLUSTERS_KEY = "clusters.json";
const CLUSTER = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/;
const SLOT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
const DATE = /^\d{4}-\d\d-\d\d$/;
const CLUSTER_NAME_LIMIT = 63;

/** Whether a name may be part of a key; anything else is shown, and never asked for. */
export function isClusterName(name: string): boolean {
    return name.length <= CLUSTER_NAME_LIMIT && !name.includes("..") && CLUSTER.test(name);
}

export const isSlot = (text: string): boolean => SLOT.test(text) && !Number.isNaN(Date.parse(text));
export const isDate = (text: string): boolean => DATE.test(text) && !Number.isNaN(Date.parse(text));

export const indexKey = (cluster: string): string => `clusters/${cluster}/index.json`;
export const latestKey = (cluster: string): string => `clusters/${cluster}/latest.json.gz`;
export const dayKey = (cluster: string, date: string): string => `clusters/${cluster}/days/${date}.json`;

/** The key of the snapshot that answers for a slot. */
export function snapshotKey(cluster: string, slot: string): string {
    return `snapshots/cluster=${cluster}/date=${slot.slice(0, 10)}/${slot.replace(/[-:]/g, "")}.json.gz`;
}
