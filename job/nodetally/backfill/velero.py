"""Velero backups, streamed from disk or bucket without unpacking them: nodes and pods as they were saved.

A tarball holds resources/nodes/cluster/NAME.json and resources/pods/namespaces/NAMESPACE/NAME.json; of a backup with
API group versions the same objects again below resources/pods/v1-preferredversion/. The backup's own metadata lies
beside it as velero-backup.json.
"""

import re
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import orjson

from nodetally.accounting.nodes import Tally
from nodetally.backfill.files import Files, time_in
from nodetally.backfill.timed import Record, TimedSource
from nodetally.cluster.decode import node_from_json, pod_from_json
from nodetally.cluster.dump import AddNode, AddPod, observe_reads, plain
from nodetally.cluster.observation import Cost, Observation
from nodetally.cluster.wire import BUFFER_BYTES, ReadInto, refuse_half_characters
from nodetally.errors import ClusterError, WrongUse

SUFFIXES = (".tar.gz", ".tgz")
METADATA = "velero-backup.json"
METADATA_BYTES = 4 << 20  # a few KB as a rule
OBJECT_BYTES = 16 << 20  # etcd refuses objects above 1.5 MiB
REASON = (
    "from a Velero backup: objects are saved one after the other, from taken_at on for as long as it took; terminating "
    "pods, which count live, are not saved"
)
HINT = "only backups of the whole cluster can be counted: all namespaces, nodes and pods, without a selector"
_MEMBER = re.compile(
    r"(?:\./)?resources/(?:(?P<whole>nodes|namespaces)(?:/(?P<nv>[^/]+))?/cluster|"
    r"pods(?:/(?P<pv>[^/]+))?/namespaces/(?P<namespace>[^/]+))/(?P<name>[^/]+)\.json"
)
_KINDS = {"nodes": "Node", "namespaces": "Namespace", None: "Pod"}
_LEFT_OUT: Mapping[str, tuple[type, Callable[[Any], bool]]] = {  # of a backup's spec: what makes it half a cluster
    "includedNamespaces": (list, lambda names: names not in (set(), {"*"})),
    "excludedNamespaces": (list, bool),
    "includedNamespaceScopedResources": (list, lambda names: not {"pods", "*"} & (names or {"*"})),
    "excludedNamespaceScopedResources": (list, lambda names: bool({"pods", "po", "*"} & names)),
    "includedClusterScopedResources": (list, lambda names: not {"nodes", "*"} & (names or {"*"})),
    "excludedClusterScopedResources": (list, lambda names: bool({"nodes", "no", "*"} & names)),
    "includedResources": (list, lambda names: not ("*" in (names or {"*"}) or {"pods", "nodes"} <= names)),
    "excludedResources": (list, lambda names: bool({"pods", "nodes", "po", "no", "*"} & names)),
    "includeClusterResources": (bool, lambda value: value is False),
    "labelSelector": (dict, bool),
    "orLabelSelectors": (list, bool),
}


class Velero(TimedSource):
    """Backups by the time that they began."""

    def __init__(self, files: Files, every_seconds: int) -> None:
        names = [each.name for each in files.list()]
        tarballs = [each for each in names if each.lower().endswith(SUFFIXES) and _is_backup(each)]
        if not tarballs:
            raise WrongUse(
                f"no Velero backup in {files.url}",
                hint="name the bucket and prefix of its storage location, or a folder of tarballs",
            )
        self._cluster = ""  # the uid of the first backup's kube-system
        super().__init__(files, every_seconds, _records(files, tarballs, frozenset(names)))

    def read(self, record: Record) -> Observation:
        """Every node and pod of the tarball, once."""
        [name] = record.names
        what = f"{self.name.rstrip('/')}/{name}"

        def read(add_pod: AddPod, add_node: AddNode, cost: Cost) -> set[str]:
            with self.files.open(name) as file:
                return _read_tarball(file, what, partial(self._one_cluster, what), add_pod, add_node, cost)

        found = observe_reads("velero", [read], what, record.taken_at, hint=HINT)
        found.reason = REASON
        _forget_terminating(found)
        return found

    def _one_cluster(self, what: str, kube_system: Any) -> None:
        """Several clusters may share a storage location; each has a kube-system of its own."""
        uid = kube_system.get("uid") if isinstance(kube_system, dict) else None
        if isinstance(uid, str):
            self._cluster = self._cluster or uid
        if uid and uid != self._cluster:
            raise ClusterError(
                f"{what}: of another cluster than the first backup that was read: its kube-system is another; "
                "give each a folder, or a --from and --to, of its own"
            )


def _forget_terminating(found: Observation) -> None:
    """Velero skips what is being deleted (pkg/backup/item_backupper.go), so it tells of none: that is not 0."""
    for node in found.nodes:
        found.tally.nodes.setdefault(node.name, Tally())
    for tally in found.tally.nodes.values():
        tally.terminating = None  # type: ignore[assignment]  # as in a ToldTally; nothing is added any more


def _is_backup(name: str) -> bool:
    """Velero keeps more beside a backup, as NAME-logs.gz and NAME-resource-list.json.gz; those are no tarballs."""
    return not name.rpartition("/")[2].startswith(".")


def _records(files: Files, tarballs: Sequence[str], names: frozenset[str]) -> Iterator[Record]:
    for name in tarballs:
        folder = name.rpartition("/")[0]
        beside = f"{folder}/{METADATA}" if folder else METADATA
        alone = sum(each.rpartition("/")[0] == folder for each in tarballs) == 1
        if beside in names and alone:
            yield _described(name, _load(files, beside), f"{files.url.rstrip('/')}/{beside}")
            continue
        moment = time_in(name)
        if moment is None:
            raise WrongUse(
                f"no {METADATA} beside {name} in {files.url}, and no time in its name",
                hint=f"copy the backup's {METADATA} beside it, each backup in a folder of its own, or put a time into "
                "the name: NAME-20261123120000.tar.gz",
            )
        yield Record(moment, (name,))


def _described(name: str, backup: dict[str, Any], where: str) -> Record:
    """A record of a backup by what it says of itself: when it began, that it ended well, that nothing is left out."""
    status, spec = backup.get("status") or {}, backup.get("spec") or {}
    if not isinstance(status, dict) or not isinstance(spec, dict):
        raise ClusterError(f"{where} is not a backup's metadata", hint="remove the backup")
    moment = _begun(status.get("startTimestamp"), where)
    left_out = [key for key in _LEFT_OUT if spec.get(key) is not None and _is_left_out(key, spec[key])]
    refused = ""
    if status.get("phase") != "Completed":
        refused = f"the backup is {status.get('phase') or 'without a phase'}, not Completed: half a cluster"
    elif left_out:
        refused = f"the backup is not of the whole cluster: {', '.join(left_out)}"
    return Record(moment, (name,), refused)


def _begun(text: Any, where: str) -> datetime:
    try:
        moment = datetime.fromisoformat(str(text))
        if moment.tzinfo and moment.year // 100 == 20:
            return moment.astimezone(UTC)
    except ValueError:
        pass
    raise ClusterError(f"{where}: its status.startTimestamp is {text!r}", hint="remove the backup")


def _is_left_out(key: str, value: Any) -> bool:
    """Whether it makes half a cluster of the backup; so may what is not as Velero writes it."""
    kind, judge = _LEFT_OUT[key]
    names = {str(each) for each in value} if isinstance(value, list) else value
    return not isinstance(value, kind) or judge(names)


def _load(files: Files, name: str) -> dict[str, Any]:
    with files.open(name) as file:
        body = file.read(METADATA_BYTES)
    try:
        loaded = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ClusterError(f"{name} in {files.url} is not JSON: {error}", hint="remove the backup") from error
    if not isinstance(loaded, dict):
        raise ClusterError(f"{name} in {files.url} is not a backup's metadata", hint="remove the backup")
    return loaded


def _read_tarball(
    file: Any, what: str, add_cluster: Callable[[Any], None], add_pod: AddPod, add_node: AddNode, cost: Cost
) -> set[str]:
    """Hand every node and pod on, and kube-system; the kinds of object that there were."""
    kinds: set[str] = set()
    try:
        unpacked = _Unpacked(plain(file, what))
        with tarfile.open(fileobj=unpacked, mode="r|") as tar:  # type: ignore[call-overload]  # it needs read() alone
            for member, kind in _members(tar, what):
                item = _item(tar, member, what)
                cost.bytes_read += member.size
                if kind == "Node":
                    add_node(node_from_json(item), item)
                elif kind == "Namespace":
                    add_cluster(item.get("metadata"))
                else:
                    add_pod(pod_from_json(item), item)
                kinds.add(kind)
        unpacked.drain()
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ClusterError(f"{what}: broken or cut off: {error}", hint=HINT) from error
    return kinds


def _members(tar: tarfile.TarFile, what: str) -> Iterator[tuple[tarfile.TarInfo, str]]:
    """Nodes, pods and kube-system, each with its kind; one that is there in two versions of its path counts once."""
    seen: dict[tuple[str, ...], str | None] = {}
    for member in tar:
        found = _MEMBER.fullmatch(member.name)
        if not found or not member.isfile():
            continue
        kind = _KINDS[found["whole"]]
        if kind == "Namespace" and found["name"] != "kube-system":
            continue
        key, version = (kind, found["namespace"] or "", found["name"]), found["nv"] or found["pv"]
        if key not in seen:
            seen[key] = version
            yield member, kind
        elif seen[key] == version:
            raise ClusterError(f"{what}: {member.name} is in it twice")


class _Unpacked:
    """The tarball's plain bytes. tarfile's own gzip takes a body that is cut off between two blocks as whole."""

    def __init__(self, read_into: ReadInto) -> None:
        self._read_into = read_into

    def read(self, size: int) -> bytes:
        view = memoryview(bytearray(size))
        at = 0
        while at < size and (count := self._read_into(view[at:])):
            at += count
        return bytes(view[:at])

    def drain(self) -> None:
        """Read to the verified end."""
        while self.read(BUFFER_BYTES):
            pass


def _item(tar: tarfile.TarFile, member: tarfile.TarInfo, what: str) -> dict[str, Any]:
    if member.size > OBJECT_BYTES:
        raise ClusterError(f"{what}: {member.name} has {member.size:,} bytes; no object of Kubernetes is that large")
    body = tar.extractfile(member)
    try:
        item = orjson.loads(body.read() if body else b"")
    except orjson.JSONDecodeError as error:
        raise ClusterError(f"{what}: {member.name} is not JSON: {error}") from error
    if not isinstance(item, dict):
        raise ClusterError(f"{what}: {member.name} is not an object")
    refuse_half_characters(item, what)
    return item
