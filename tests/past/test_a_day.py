"""A day of a simulated cluster, recorded live every five minutes, and filled in from three kinds of history.

Slow: 288 slots, four times; it makes 288 Velero tarballs and the blocks of a real Prometheus. `make test-past`.
"""

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import exporter
import histories
import prometheus_server
import servers
from backfilled import compare, without_terminating
from clusters import NOWHERE, served
from nodetally import snapshot
from nodetally.collect import run_pass
from nodetally.simulate.cluster import SimulatedCluster
from nodetally.simulate.objects.item import document
from nodetally.store.base import Store
from nodetally.store.layout import slot_of, snapshot_key
from nodetally.store.open import open_store
from nodetally.store.s3 import S3Store
from nodetally.store.verify import verify
from paths import NODETALLY

Json = dict[str, Any]
DAY = datetime(2026, 3, 10, tzinfo=UTC)
EVERY = timedelta(minutes=5)
SLOTS = [DAY + EVERY * at for at in range(288)]
NODES, PODS = 12, 160
BUCKET = "past"
NAMED = ("--time-from", "name")  # a simulated kubelet reports once


class Past(NamedTuple):
    """The live store of the day, and what else was kept of it."""

    live: Path
    dumps: Path
    backups: Path
    objects: list[list[Json]]


def objects_of(cluster: SimulatedCluster) -> list[Json]:
    return [document(item) for resource in ("nodes", "pods") for item in cluster.items(resource)]


def start_pods(cluster: SimulatedCluster) -> None:
    """Kubelets tell of init containers, as they do a moment after a pod has come to them."""
    for pod in map(document, cluster.items("pods")):
        inits, status = pod["spec"].get("initContainers"), pod["status"]
        if inits and pod["spec"].get("nodeName") and not status.get("initContainerStatuses"):
            told = [{"name": each["name"]} for each in inits]
            cluster.update({**pod, "status": {**status, "initContainerStatuses": told}})


def live_on(cluster: SimulatedCluster, chance: random.Random) -> None:
    """Five minutes: pods are replaced, end, begin to terminate; now and then a node is cordoned, or not ready."""
    start_pods(cluster)
    cluster.replace_pods(chance.randrange(6))
    nodes, pods = ([document(item) for item in cluster.items(each)] for each in ("nodes", "pods"))
    for pod in chance.sample(pods, 6):
        status = {**pod.get("status", {}), "phase": chance.choice(["Running", "Running", "Pending", "Succeeded"])}
        cluster.update({**pod, "status": status})
    dying = chance.choice(pods)
    dying["metadata"] = {**dying["metadata"], "deletionTimestamp": "2026-03-10T00:00:00Z"}
    cluster.update(dying)
    if chance.random() < 0.2:
        node = chance.choice(nodes)
        ready = chance.choice(["True", "True", "False", "Unknown"])
        conditions = [
            {**each, "status": ready} if each["type"] == "Ready" else each for each in node["status"]["conditions"]
        ]
        spec = {**node.get("spec", {}), "unschedulable": chance.random() < 0.3}
        cluster.update({**node, "spec": spec, "status": {**node["status"], "conditions": conditions}})


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Past:
    """Pods with pod-level resources are left out: the exporter tells nothing of those (docs/backfill.md)."""
    folder = tmp_path_factory.mktemp("past")
    dumps, backups, kept = folder / "dumps", folder / "backups", []
    dumps.mkdir()
    first = objects_of(SimulatedCluster(nodes=NODES, pods=PODS, seed=11))
    for each in first:
        each["metadata"].pop("managedFields", None)  # most of an object, and nothing that counts
    cluster = SimulatedCluster.of(each for each in first if not each["spec"].get("resources"))
    chance = random.Random(11)
    with served(cluster, folder) as (_, settings):
        settings = replace(settings, store=str(folder / "live"), usage=False, labels=("kubernetes.io/hostname",))
        for slot in SLOTS:
            run_pass(replace(settings, at=slot), NOWHERE, clock=stopped_at(slot))
            kept.append(objects_of(cluster))
            (dumps / f"{slot:%Y%m%dT%H%M%SZ}.json").write_bytes(histories.listed(kept[-1]))
            histories.write_backup(backups, slot, items=[*saved(kept[-1])])
            live_on(cluster, chance)
    return Past(folder / "live", dumps, backups, kept)


def stopped_at(slot: datetime) -> Callable[[], datetime]:
    """A clock for a pass of this slot."""
    return lambda: slot


def backfill(*arguments: object, store: object, environment: dict[str, str] | None = None) -> Json:
    """The command, as it is typed; its summary."""
    command = [NODETALLY, "backfill", *map(str, arguments), "--cluster", "c", "--store", str(store)]
    options = ["--label", "kubernetes.io/hostname", "--format", "json"]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def snapshots(store: Store) -> Iterator[Json]:
    for slot in SLOTS:
        stored = store.get(snapshot_key("c", slot_of(slot)))
        assert stored, slot
        yield snapshot.decode(stored.body)


def saved(items: list[Json]) -> Iterator[Json]:
    """What Velero saves."""
    return (each for each in items if "deletionTimestamp" not in each["metadata"])


def dumped(past: Past, folder: Path) -> Iterator[Json]:
    """Snapshots of dumps of what Velero saves."""
    (folder / "dumps").mkdir()
    for slot, items in zip(SLOTS, past.objects, strict=True):
        (folder / "dumps" / f"{slot:%Y%m%dT%H%M%SZ}.json").write_bytes(histories.listed([*saved(items)]))
    backfill("dumps", folder / "dumps", *NAMED, store=folder / "dumped")
    return map(without_terminating, snapshots(open_store(str(folder / "dumped"))))


def tallied(found: Json) -> Json:
    """What the slot's numbers are, without how they came about."""
    return {part: each for part, each in found.items() if part not in ("source", "cost", "trigger", "usage")}


@pytest.mark.parametrize("source", ["dumps", "velero"])
def test_from_dumps_and_backups_the_day_is_the_day_that_was(past: Past, tmp_path: Path, source: str) -> None:
    """Every number of every slot; only usage, which a dump does not hold, is unknown in both.

    A Velero backup is held against a dump of what Velero saves: it skips terminating pods.
    """
    place: list[object] = [past.dumps, *NAMED] if source == "dumps" else [past.backups]
    said = backfill(source, *place, store=tmp_path / "store")
    assert (said["slots"], said["filled"], said["impossible"]) == (288, 288, [])
    made = open_store(str(tmp_path / "store"))
    wanted = snapshots(open_store(str(past.live))) if source == "dumps" else dumped(past, tmp_path)
    for mine, theirs in zip(snapshots(made), wanted, strict=True):
        assert (mine["trigger"], mine["source"]["kind"]) == ("backfill", "dump" if source == "dumps" else source)
        assert tallied(mine) == tallied(theirs)
    assert [*verify(made, patience_seconds=0)] == []


def test_from_prometheus_the_day_is_what_the_docs_say(past: Past, tmp_path: Path) -> None:
    """Zero difference in every field of every slot, or the one that docs/backfill.md explains."""
    history = ((slot, exporter.exports(items)) for slot, items in zip(SLOTS, past.objects, strict=True))
    text = exporter.open_metrics(history, {"cluster": "prod"})
    span = ["--from", slot_of(DAY), "--to", slot_of(DAY + timedelta(days=1))]
    with prometheus_server.serving(tmp_path / "prometheus", text) as url:
        said = backfill("prometheus", url, *span, "--match", 'cluster="prod"', store=tmp_path / "store")
    assert (said["slots"], said["filled"], said["impossible"]) == (288, 288, [])
    made, live = open_store(str(tmp_path / "store")), open_store(str(past.live))
    doubted = 0
    for mine, theirs, items in zip(snapshots(made), snapshots(live), past.objects, strict=True):
        doubted += compare(mine, theirs | {"trigger": "backfill"}, items)
    assert 0 < doubted < 288 * 2 * NODES
    assert [*verify(made, patience_seconds=0)] == []


def contents(store: Store) -> dict[str, Any]:
    """All that is stored, without what a snapshot cost."""
    found: dict[str, Any] = {}
    for entry in store.list(""):
        stored = store.get(entry.key)
        assert stored
        body: Any = stored.body
        found[entry.key] = snapshot.decode(body) | {"cost": None} if entry.key.endswith(".gz") else json.loads(body)
    return found


def test_shards_in_one_bucket_make_the_store_of_one_process(past: Past, tmp_path: Path) -> None:
    """Four processes, each a shard of twelve days, one of them killed and started again; the seconds are printed."""
    dumps = tmp_path / "dumps"
    dumps.mkdir()
    for at, slot in enumerate(SLOTS):  # twelve days of two hours each, so that there is something to share
        day = slot + timedelta(days=at // 24)
        (dumps / f"{day:%Y%m%dT%H%M%SZ}.json").symlink_to(past.dumps / f"{slot:%Y%m%dT%H%M%SZ}.json")
    with servers.s3_server(tmp_path / "s3") as server:
        environment = {**os.environ, **server.environment}
        made = {name: S3Store(BUCKET, name, environment=server.environment) for name in ("one", "four")}
        made["one"].client.create_bucket(Bucket=BUCKET)
        start = time.monotonic()
        backfill("dumps", dumps, *NAMED, store=f"s3://{BUCKET}/one", environment=environment)
        alone = time.monotonic() - start
        start = time.monotonic()
        _in_shards(dumps, environment)
        print(f"one process {alone:.1f} s, four shards {time.monotonic() - start:.1f} s")  # noqa: T201
        assert contents(made["four"]) == contents(made["one"])
        assert [*verify(made["four"], patience_seconds=0)] == []


def _in_shards(dumps: Path, environment: dict[str, str]) -> None:
    def start(number: int) -> subprocess.Popen[bytes]:
        place = ["--cluster", "c", "--store", f"s3://{BUCKET}/four", "--label", "kubernetes.io/hostname"]
        command = [NODETALLY, "backfill", "dumps", str(dumps), *NAMED, *place, "--shard", f"{number}/4"]
        return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)

    running = [start(number) for number in range(4)]
    running[0].send_signal(signal.SIGKILL)
    running[0].wait()
    running[0] = start(0)
    assert [each.wait() for each in running] == [0] * 4
