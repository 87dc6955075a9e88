"""Several clusters in one run: a pass each into one store, each on its own, and what is told of them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from nodetally import collect
from nodetally.assemble import assemble
from nodetally.cli.main import main
from nodetally.cluster import connection
from nodetally.cluster.observation import Observation
from nodetally.settings import Settings
from nodetally.simulate.cluster import SimulatedCluster
from nodetally.simulate.faults import Fault
from nodetally.simulate.server import Simulator, serving
from nodetally.store import read
from nodetally.store.directory import DirectoryStore

ARN = "arn:aws:eks:eu-west-1:123456789012:cluster/two"


class Ended(NamedTuple):
    """What a run printed, and how it ended."""

    out: str
    err: str
    code: int


class Fleet(NamedTuple):
    """Two clusters of 2 and 3 nodes behind one kubeconfig, as `one` and ARN; `gone` is a context without a server."""

    folder: Path
    one: Simulator
    two: Simulator
    capsys: pytest.CaptureFixture[str]

    @property
    def store(self) -> DirectoryStore:
        return DirectoryStore(self.folder / "store")

    def run(self, *arguments: str) -> Ended:
        """In this process."""
        self.capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(["run", "--store", str(self.folder / "store"), "--kubeconfig", str(self.folder / "all"), *arguments])
        said = self.capsys.readouterr()
        return Ended(said.out, said.err, int(ended.value.code or 0))


@pytest.fixture
def fleet(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Fleet]:
    monkeypatch.setattr(connection, "RETRY_SECONDS", 0.0)  # nobody will be there a second later

    def cluster(nodes: int) -> SimulatedCluster:
        return SimulatedCluster(nodes=nodes, pods=5 * nodes, seed=nodes)

    with serving(cluster(2)) as one, serving(cluster(3)) as two:
        addresses = {"one": one.url, ARN: two.url, "gone": "http://127.0.0.1:9"}
        config = {
            "clusters": [{"name": name, "cluster": {"server": url}} for name, url in addresses.items()],
            "contexts": [{"name": name, "context": {"cluster": name}} for name in addresses],
            "current-context": "gone",
        }
        (tmp_path / "all").write_text(json.dumps(config))
        yield Fleet(tmp_path, one, two, capsys)


BOTH = ("--context", "one", "--context", f"two={ARN}")


def test_each_context_is_a_cluster_of_the_store(fleet: Fleet) -> None:
    """By its own name, or by the one before the =; one line of stdout and of stderr each, in the order given."""
    end = fleet.run(*BOTH, "--format", "json")
    assert end.code == 0, end.err
    printed = [json.loads(line) for line in end.out.splitlines()]
    assert [(each["cluster"], each["totals"]["nodes"]["count"]) for each in printed] == [("one", 2), ("two", 3)]
    assert read.clusters(fleet.store) == ["one", "two"]
    assert [read.latest(fleet.store, name) for name in ("one", "two")] == printed
    assert re.findall(r"^(\w+) .*stored as", end.err, re.MULTILINE) == ["one", "two"]


def test_one_context_needs_no_other_name(fleet: Fleet) -> None:
    """--cluster may still name it."""
    assert fleet.run("--context", "one").code == 0
    assert fleet.run("--context", ARN, "--cluster", "other").code == 0
    assert fleet.run("--context", f"third={ARN}").code == 0
    assert read.clusters(fleet.store) == ["one", "other", "third"]


def test_all_answer_for_the_slot_in_which_the_first_began(fleet: Fleet) -> None:
    """However long the first takes: a slower cluster must not push the next into another slot."""
    fleet.one.add_fault(Fault("/api/v1/pods", delay_seconds=1.1, times=1))
    assert fleet.run(*BOTH).code == 0
    one, two = (read.latest(fleet.store, name) for name in ("one", "two"))
    assert one["slot"] == two["slot"] < two["taken_at"]


def test_a_cluster_that_fails_keeps_no_other_from_its_snapshot(fleet: Fleet) -> None:
    """Each failure is told when it happens and counted at the end; the exit code is the first one's, in order."""
    fleet.one.add_fault(Fault("/api/v1/pods", status=403, times=1))
    end = fleet.run("--context", "one", "--context", "gone", "--context", "typo", "--context", f"two={ARN}")
    assert end.code == 4
    assert read.clusters(fleet.store) == ["two"]
    assert re.findall(r"^Error: (\w+): ", end.err, re.MULTILINE) == ["one", "gone", "typo"]
    assert "Error: 3 passes failed (one, gone, typo); the first: " in end.err
    assert "Traceback" not in end.err
    again = fleet.run("--context", "gone", "--context", "one")
    assert again.code == 3
    assert read.clusters(fleet.store) == ["one", "two"]


def test_a_bug_in_one_clusters_pass_keeps_no_other_from_its_snapshot(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told as one, under its cluster's name, with exit code 1; with one cluster alone it is a traceback."""

    def broken(observation: Observation, settings: Settings, *rest: Any) -> tuple[dict[str, Any], bytes]:
        if settings.cluster == "one":
            raise KeyError("nobody thought of this")
        return assemble(observation, settings, *rest)

    monkeypatch.setattr(collect, "assemble", broken)
    end = fleet.run(*BOTH)
    assert end.code == 1
    assert "Error: one: KeyError: 'nobody thought of this'\nHint: a bug: run it for this cluster alone" in end.err
    assert read.clusters(fleet.store) == ["two"]
    with pytest.raises(KeyError):
        main(["run", "--context", "one", "--kubeconfig", str(fleet.folder / "all"), "--dry-run"])


def test_metrics_of_all_are_in_one_file(fleet: Fleet) -> None:
    """Each family once, a sample a cluster; a failed one keeps the time of its last success."""
    file = fleet.folder / "nodetally.prom"

    def metrics() -> dict[str, str]:
        lines = file.read_text().splitlines()
        typed = [line for line in lines if line.startswith("# TYPE ")]
        assert len(typed) == len(set(typed))
        names = [line.partition("{")[0] for line in lines if not line.startswith("#")]
        assert names == sorted(names, key=names.index), "a family's samples stand together"
        return dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))

    assert fleet.run(*BOTH, "--metrics-file", str(file)).code == 0
    good = metrics()
    assert [good[f'nodetally_nodes{{cluster="{name}"}}'] for name in ("one", "two")] == ["2", "3"]
    fleet.two.add_fault(Fault("/api/v1/pods", status=403, times=1))
    assert fleet.run(*BOTH, "--metrics-file", str(file)).code == 4
    bad = metrics()
    assert [bad[f'nodetally_last_pass_exit_code{{cluster="{name}"}}'] for name in ("one", "two")] == ["0", "4"]
    last = 'nodetally_last_success_timestamp_seconds{cluster="two"}'
    assert bad[last] == good[last]
    assert 'nodetally_nodes{cluster="two"}' not in bad


def test_passes_go_on_over_every_cluster(fleet: Fleet) -> None:
    """A warm cache each: initial events once, then the watch; one that is wrong does not end the others."""
    end = fleet.run(*BOTH, "--context", "typo", "--every", "1s", "--for", "3s")
    assert end.code == 2
    assert re.search(r"Error: \d passes failed \(typo\)", end.err)
    for name, server in (("one", fleet.one), ("two", fleet.two)):
        slots = read.slots(fleet.store, name, str(read.latest(fleet.store, name)["slot"])[:10])
        assert len(slots) >= 2
        assert sum("sendInitialEvents" in path for _, path in server.requests if "/pods" in path) == 1
        assert read.latest(fleet.store, name)["source"]["kind"] == "watch"


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((), "no cluster is named"),
        (("--context", ARN), f"not a cluster name: '{ARN}'"),
        ((*BOTH, "--cluster", "c"), "write --context NAME=CONTEXT"),
        (("--context", "a=one", "--cluster", "c"), "write --context NAME=CONTEXT"),
        (("--context", "one", "--context", f"one={ARN}"), "two clusters would be stored as one"),
        (("--context", "a="), "no context"),
        (("--context", "=one"), "not a cluster name"),
        (("--context", "../a=one"), "not a cluster name"),
        ((*BOTH, "--dump", "x.json"), "not by --dump or --eks"),
        ((*BOTH, "--eks", "x"), "not by --dump or --eks"),
        (("--context", "typo=typo", "--every", "1s"), "no context named 'typo'"),
    ],
)
def test_wrong_use_is_told_before_anything_is_read(fleet: Fleet, arguments: tuple[str, ...], why: str) -> None:
    """Exit 2, and what to write instead."""
    end = fleet.run(*arguments)
    assert (end.code, end.out) == (2, "")
    assert why in end.err
    assert fleet.one.requests == fleet.two.requests == []


def test_the_variable_holds_several(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parted by spaces, as in a CronJob's ConfigMap."""
    monkeypatch.setenv("NODETALLY_CONTEXT", f"one two={ARN}")
    assert fleet.run().code == 0
    assert read.clusters(fleet.store) == ["one", "two"]
