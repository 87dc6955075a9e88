"""Files of `kubectl get nodes,pods -A -o json`, .gz and .zst too, in a folder or bucket. Reads one at a time."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Literal

from nodetally.accounting.facts import NodeFacts
from nodetally.backfill.files import File, Files, time_in
from nodetally.backfill.timed import Record, TimedSource
from nodetally.cluster.dump import AddNode, AddPod, Json, observe_reads, plain, read_list
from nodetally.cluster.observation import Cost, Observation
from nodetally.errors import ClusterError, WrongUse
from nodetally.times import format_time

SUFFIXES = (".json", ".json.gz", ".json.zst", ".json.zstd")
TimeFrom = Literal["auto", "name", "object"]  # where a dump's time is; auto: in the names, if any has one
REPORTED_WITHIN = timedelta(minutes=15)  # kubelets report every five minutes (nodeStatusReportFrequency)
REASON = "from dumps of kubectl get: what a dump does not hold, such as usage, is null"


class Dumps(TimedSource):
    """Dumps by their time; files of one and the same time (nodes and pods apart, say) are one cluster."""

    def __init__(self, files: Files, every_seconds: int, time_from: TimeFrom) -> None:
        found = [each for each in files.list() if each.name.lower().endswith(SUFFIXES)]
        if not found:
            raise WrongUse(
                f"no dump in {files.url}",
                hint=f"a dump's name ends in {', '.join(SUFFIXES)}; make one with: "
                "kubectl get nodes,pods -A -o json > $(date -u +%Y%m%dT%H%M%SZ).json",
            )
        self._believed = time_from == "name"
        super().__init__(files, every_seconds, _records(files.url, found, time_from))

    def read(self, record: Record) -> Observation:
        """All files of the record together, as they stream."""
        reported: list[datetime] = []
        holders: list[str] = []
        reads = [partial(self._read_file, name, reported, holders) for name in record.names]
        what = ", ".join(f"{self.name.rstrip('/')}/{name}" for name in record.names)
        found = observe_reads("dump", reads, what, record.taken_at)
        if len(holders) > 1:
            raise ClusterError(f"nodes in {holders[0]} and in {holders[1]}, both of one time: two clusters?")
        if not self._believed:
            _check_time(record.taken_at, reported, what)
        found.reason = REASON
        return found

    def _read_file(
        self, name: str, reported: list[datetime], holders: list[str], add_pod: AddPod, add_node: AddNode, cost: Cost
    ) -> set[str]:
        """One file; it is noted when ready nodes in it reported last, and whether there is a node in it."""

        def add_reporting(node: NodeFacts, item: Json) -> None:
            if node.ready:
                reported.extend(_reported(item))
            add_node(node, item)

        with self.files.open(name) as file:
            kinds = read_list(plain(file, name), name, add_pod, add_reporting, cost)
        if "Node" in kinds:
            holders.append(name)
        return kinds


def _reported(node: Json) -> Iterator[datetime]:
    """When its kubelet said so, of each condition; what is no time is left out."""
    for condition in node["status"]["conditions"]:
        with suppress(ValueError, OverflowError):
            yield datetime.fromisoformat(str(condition.get("lastHeartbeatTime"))).astimezone(UTC)


def _check_time(taken_at: datetime, reported: Sequence[datetime], what: str) -> None:
    """A ready node has reported a few minutes ago. Where it has not, the dump is of another time: it would be put into
    another slot. Raises ClusterError."""
    newest = max(reported, default=taken_at)
    if abs(newest - taken_at) > REPORTED_WITHIN:
        raise ClusterError(
            f"{what} is of {format_time(taken_at)} by its name, or when it was written, but the last report of a ready "
            f"node in it is of {format_time(newest)}: a local time, or a copy? --time-from name believes the names",
            hint="write a zone that is not UTC behind the time: 20261123T130000+01:00",
        )


def _records(url: str, files: Sequence[File], time_from: TimeFrom) -> Iterator[Record]:
    """Files by time. WrongUse for a name that tells none: a file that is left out silently would be a gap."""
    told = {each.name: time_in(each.name) for each in files}
    named = [each for each in told.values() if each]
    by_name = time_from == "name" or (time_from == "auto" and named)
    names: dict[datetime, list[str]] = {}
    for file in files:
        moment = told[file.name] if by_name else file.modified.replace(microsecond=0)
        if moment is None:
            raise WrongUse(
                f"no time in the name of {file.name} in {url}",
                hint="name dumps like 20261123T120000Z.json, move others away, or take the time that each was "
                "written: --time-from object",
            )
        names.setdefault(moment, []).append(file.name)
    for moment, together in names.items():
        yield Record(moment, tuple(sorted(together)))
