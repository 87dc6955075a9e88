"""What can be wrong with a store: each kind, what it means, and what to do about it. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from itertools import pairwise
from typing import Any, NamedTuple

from nodetally.store.indexes import SCHEMA, Document, agrees, entries_of
from nodetally.store.layout import (
    cluster_index_key,
    clusters_key,
    day_index_key,
    latest_key,
    parse_day_index_key,
    parse_snapshot_key,
    snapshot_key,
)

_REPAIR = "nodetally store repair makes it from the snapshots again"
KINDS: Mapping[str, str] = {
    "unreadable-snapshot": "bring it back from a copy (a bucket's versions, a backup), or delete it; then repair",
    "unindexed-snapshot": "nodetally store repair adds it; if a prune was interrupted, run that prune again instead",
    "missing-snapshot": "bring it back from a copy, or let nodetally store repair take it out of the index",
    "wrong-entry": _REPAIR,
    "missing-index": _REPAIR,
    "damaged-index": _REPAIR,
    "wrong-index": _REPAIR,
    "wrong-latest": _REPAIR,
    "wrong-list": _REPAIR,
    "stale-rollup": "nodetally store rollup makes it again; nodetally store repair deletes it",
    "damaged-rollup": "nodetally store rollup makes it again; nodetally store repair deletes it",
    "unknown-file": "nodetally neither reads nor writes it: move it out of the store if nobody needs it here",
}
# What a pass leaves behind for a moment while it publishes; to be looked at again later.
PASSING = frozenset(KINDS) - {"unreadable-snapshot", "damaged-index", "damaged-rollup", "unknown-file"}


class Breach(NamedTuple):
    """One thing that is wrong."""

    kind: str
    cluster: str | None
    key: str
    what: str

    @property
    def to_do(self) -> str:
        """What to do about it."""
        return KINDS[self.kind]


def of_day_index(index: Mapping[str, Any], cluster: str, date: str) -> Iterator[Breach]:
    """What is wrong with a day index by itself."""
    wrong = None
    lines = index.get("snapshots")
    if (index.get("cluster"), index.get("date")) != (cluster, date):
        wrong = f"it says that it is of {index.get('cluster')!r}, {index.get('date')!r}"
    elif not isinstance(lines, list):
        wrong = "no list of snapshots"
    elif not lines:
        wrong = "it lists nothing"
    else:
        slots = [str(line["slot"]) for line in lines if isinstance(line, dict) and "slot" in line]
        if len(slots) < len(lines):
            wrong = "a line without a slot"
        elif any(later <= earlier for earlier, later in pairwise(slots)):
            wrong = "not each slot once, sorted"
    if wrong:
        yield Breach("damaged-index", cluster, day_index_key(cluster, date), wrong)


def of_entries(
    index: Mapping[str, Any] | None,
    cluster: str,
    date: str,
    wanted: Mapping[str, Document],
    is_there: Callable[[str], bool],
) -> Iterator[Breach]:
    """Where a day index and the day's snapshots disagree.

    `wanted`: the readable snapshots' lines by slot, as far as they are known; `is_there` asks the store about a slot
    once more.
    """
    key = day_index_key(cluster, date)
    if index is None:
        if wanted:
            yield Breach("missing-index", cluster, key, f"no index of the day's snapshots, from {min(wanted)}")
        return
    lines = entries_of(index)
    for slot in sorted(lines.keys() | wanted.keys()):
        if slot not in lines:
            yield Breach("unindexed-snapshot", cluster, snapshot_key(cluster, slot), f"not in {key}")
        elif slot in wanted and not agrees(wanted[slot], lines[slot]):
            names = [name for name, value in wanted[slot].items() if not agrees(value, lines[slot].get(name))]
            yield Breach("wrong-entry", cluster, key, f"{slot}: other {', '.join(names)} than its snapshot")
        elif slot not in wanted and not is_there(slot):
            yield Breach("missing-snapshot", cluster, key, f"{slot} is in it, but its snapshot is not there")


def of_cluster_index(index: Mapping[str, Any] | None, wanted: Document | None, cluster: str) -> Iterator[Breach]:
    """Where a cluster index and its day indexes disagree, field by field."""
    key = cluster_index_key(cluster)
    if wanted is None:
        if index is not None:
            yield Breach("wrong-index", cluster, key, "there are no snapshots that it could be of")
    elif index is None:
        yield Breach("missing-index", cluster, key, f"no index of a cluster with snapshots, from {wanted['days'][0]}")
    else:
        for name in wanted:
            if name not in index or not agrees(wanted[name], index[name]):
                said = _difference(name, wanted[name], index.get(name))
                yield Breach("wrong-index", cluster, key, f"{name}: {said}")


def of_latest(wrong: str | None, cluster: str) -> Iterator[Breach]:
    """What is wrong with `latest`, if anything is."""
    if wrong:
        yield Breach("wrong-latest", cluster, latest_key(cluster), wrong)


def of_rollup(state: str, cluster: str, key: str) -> Iterator[Breach]:
    """What is wrong with a rollup; that snapshots came since, or that there is none, is nothing wrong."""
    if state == "stale":
        yield Breach("stale-rollup", cluster, key, "it was made from other snapshots than are there")
    elif state == "damaged":
        yield Breach("damaged-rollup", cluster, key, "its end does not say what it was made from")


def of_list(index: Mapping[str, Any] | None, found: Set[str], only: str | None) -> Iterator[Breach]:
    """Where the list of clusters and the clusters that have snapshots disagree; `only`: judge but this one."""
    key = clusters_key()
    if index is None:
        if found:
            yield Breach("missing-index", None, key, f"no list of clusters, such as {min(found)}")
        return
    names = index.get("clusters")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        yield Breach("damaged-index", None, key, "no list of names")
        return
    for name in sorted(found - set(names)):
        yield Breach("wrong-list", name, key, f"{name} is not in it")
    for name in sorted(each for each in set(names) - found if only in (None, each)):
        yield Breach("wrong-list", None, key, f"{name!r} is in it, but has no snapshots")
    if len(set(names)) < len(names):
        yield Breach("damaged-index", None, key, "not each name once")


def without_echoes(found: Iterable[Breach]) -> Iterator[Breach]:
    """All but cluster indexes that only disagree with a day index which itself is wrong, and was told of before.

    They may well be right; if not, that is told once their days are.
    """
    of_wrong_days: set[str | None] = set()
    for each in found:
        if each.kind == "wrong-index" and each.cluster in of_wrong_days:
            continue
        if each.kind != "unreadable-snapshot" and (parse_day_index_key(each.key) or parse_snapshot_key(each.key)):
            of_wrong_days.add(each.cluster)
        yield each


def _difference(name: str, wanted: Any, found: Any) -> str:
    """Where two values differ, with times that tell one moment's difference from another's."""
    if name == "days" and isinstance(found, list) and all(isinstance(each, str) for each in found):
        return _of_days(set(wanted), set(found))
    if name in ("first", "last"):
        said, right = found.get("slot") if isinstance(found, dict) else found, wanted["slot"]
        return f"other than {right}" if said == right else f"{said}; by the day indexes {right}"
    if name == "recent" and isinstance(found, list):
        return _of_points(_slots(wanted), _slots(found))
    return "other than by the day indexes" + (f" (schema {SCHEMA})" if name == "schema" else "")


def _of_days(wanted: set[str], found: set[str]) -> str:
    sides = (("lacks", wanted - found), ("names", found - wanted))
    told = [f"{verb} {', '.join(sorted(days))}" for verb, days in sides if days]
    return "; ".join(told) or "not each day once, sorted"


def _of_points(wanted: set[str], found: set[str]) -> str:
    differing = sorted(wanted ^ found)
    return f"other points: {', '.join(differing[:4])}" if differing else "the same slots with other totals"


def _slots(points: list[Any]) -> set[str]:
    return {str(each.get("slot")) for each in points if isinstance(each, dict)}
