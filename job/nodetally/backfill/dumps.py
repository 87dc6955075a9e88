"""Files of `kubectl get nodes,pods -A -o json`, .gz and .zst too, in a folder or bucket. Reads one at a time."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Literal

from nodetally.backfill.files import File, Files, time_in
from nodetally.backfill.timed import Record, TimedSource
from nodetally.cluster.dump import AddNode, AddPod, observe_reads, plain, read_list
from nodetally.cluster.observation import Cost, Observation
from nodetally.errors import WrongUse

SUFFIXES = (".json", ".json.gz", ".json.zst", ".json.zstd")
TimeFrom = Literal["auto", "name", "object"]  # where a dump's time is; auto: in the names, if any has one
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
        super().__init__(files, every_seconds, _records(files.url, found, time_from))

    def read(self, record: Record) -> Observation:
        """All files of the record together, as they stream."""
        reads = [partial(self._read_file, name) for name in record.names]
        what = ", ".join(f"{self.name.rstrip('/')}/{name}" for name in record.names)
        found = observe_reads("dump", reads, what, record.taken_at)
        found.reason = REASON
        return found

    def _read_file(self, name: str, add_pod: AddPod, add_node: AddNode, cost: Cost) -> set[str]:
        with self.files.open(name) as file:
            return read_list(plain(file, name), name, add_pod, add_node, cost)


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
