"""The warm cache on a real API server: whatever happens between and during passes, they say what a list says."""

import json
import random
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from churn import Churn, a_pod
from clusters import NOWHERE
from control_plane import ControlPlane
from nodetally import snapshot
from nodetally.collect import Pass, run_pass, warm_cache
from nodetally.settings import Settings
from paths import NODETALLY

COMPARED = ("nodes", "totals", "schedulable_totals", "namespaces", "unscheduled", "unknown_nodes")
ACCOUNT = "nodetally"
ROUNDS = 10
KILLS = 12
STATE = "state/c/watch-cache"


@pytest.fixture
def plane(own_control_plane: ControlPlane) -> ControlPlane:
    return own_control_plane


@pytest.fixture
def settings(plane: ControlPlane) -> Settings:
    token = plane.admin.token_of(ACCOUNT)
    return Settings(cluster="c", kubeconfig=str(plane.kubeconfig(token)), usage=False)


@pytest.fixture
def churn(plane: ControlPlane) -> Churn:
    churn = Churn(plane.admin, seed=4)
    churn.fill()
    return churn


def essence(body: bytes) -> dict[str, Any]:
    document = snapshot.decode(body)
    return {name: document[name] for name in COMPARED}


def exactly(plane: ControlPlane, source: dict[str, str], folder: Path) -> dict[str, Any]:
    """What lists at exactly these versions come to: read by another client, tallied by the path of dumps."""
    items = []
    for resource in ("pods", "nodes"):
        version = source[f"{resource}_resource_version"]
        path = f"/api/v1/{resource}?resourceVersion={version}&resourceVersionMatch=Exact"
        items += plane.admin.items(path)
    dump = folder / "dump.json"
    dump.write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": items}))
    return essence(run_pass(Settings(cluster="c", dumps=(str(dump),)), NOWHERE, store=False).body)


def source_of(done: Pass) -> tuple[str, str | None]:
    source = done.outline["source"]
    return source["kind"], source["reason"]


def test_every_way_to_read_agrees_while_pods_and_nodes_come_and_go(
    plane: ControlPlane, settings: Settings, churn: Churn, tmp_path: Path
) -> None:
    """Each pass, made in the middle of changes, equals lists at exactly the versions that it names."""
    ways = {
        "list": settings,
        "gzip": replace(settings, gzip=True),
        "pages": replace(settings, page_size=7),
        "watch": replace(settings, cache="memory"),
        "zipped watch": replace(settings, cache="memory", gzip=True),
        "resume": replace(settings, cache=str(tmp_path / "kept")),
    }
    warm = {way: warm_cache(ways[way]) for way in ("watch", "zipped watch")}
    kinds = set()
    with churn:
        for _ in range(ROUNDS):
            for way, how in ways.items():
                done = run_pass(how, NOWHERE, store=False, warm=warm.get(way))
                kinds.add((way, *source_of(done)))
                assert essence(done.body) == exactly(plane, done.outline["source"], tmp_path), (
                    way,
                    done.outline,
                )
    assert kinds == {
        ("list", "list", None),
        ("gzip", "list", None),
        ("pages", "list", None),
        ("watch", "watch", None),
        ("zipped watch", "watch", None),
        ("resume", "list", "no cache was kept yet"),
        ("resume", "resume", None),
    }
    assert churn.changes > 100, "nothing much happened meanwhile"


def test_a_new_api_server_over_a_compacted_etcd_is_read_by_lists(
    plane: ControlPlane, settings: Settings, churn: Churn, tmp_path: Path
) -> None:
    """What changed since the kept version is gone for good: the lists say so, and the next run resumes again."""
    kept = replace(settings, cache=str(tmp_path / "kept"))
    memory = replace(settings, cache="memory")
    warm = warm_cache(memory)
    for way, held in ((kept, None), (memory, warm)):
        run_pass(way, NOWHERE, store=False, warm=held)
    with churn:
        time.sleep(1)
    plane.restart_api_server()
    plane.compact()
    plane.admin.create(a_pod(10**6, "node-0"))
    for way, held in ((kept, None), (memory, warm)):
        done = run_pass(way, NOWHERE, store=False, warm=held)
        kind, reason = source_of(done)
        assert kind == "list"
        assert "no longer has what changed since version" in (reason or "")
        assert essence(done.body) == exactly(plane, done.outline["source"], tmp_path)
    again = run_pass(kept, NOWHERE, store=False)
    assert source_of(again) == ("resume", None)
    assert essence(again.body) == exactly(plane, again.outline["source"], tmp_path)


def test_a_restart_alone_is_never_a_wrong_number(
    plane: ControlPlane, settings: Settings, churn: Churn, tmp_path: Path
) -> None:
    """Whether the new server still knows the past or not: resumed or listed, the pass is right."""
    kept = replace(settings, cache=str(tmp_path / "kept"))
    for _ in range(2):
        with churn_again(churn, plane):
            run_pass(kept, NOWHERE, store=False)
        plane.restart_api_server()
        done = run_pass(kept, NOWHERE, store=False)
        assert essence(done.body) == exactly(plane, done.outline["source"], tmp_path)


def churn_again(churn: Churn, plane: ControlPlane) -> Churn:
    """A churn that goes on from what one left."""
    return Churn(plane.admin, seed=churn.changes + 7)


def test_no_damage_to_the_kept_cache_is_ever_a_wrong_number(
    plane: ControlPlane, settings: Settings, churn: Churn, tmp_path: Path
) -> None:
    """Any byte changed, any end cut off: the lists are read, and the reason says that it is damaged."""
    del churn  # there are pods
    kept = replace(settings, cache=str(tmp_path / "kept"))
    run_pass(kept, NOWHERE, store=False)
    state = tmp_path / "kept" / STATE
    some = random.Random(9)
    for at in range(20):
        body = bytearray(state.read_bytes())
        if at % 4:
            body[some.randrange(len(body))] ^= 1 << some.randrange(8)
        else:
            del body[some.randrange(len(body)) :]
        state.write_bytes(bytes(body))
        done = run_pass(kept, NOWHERE, store=False)
        assert source_of(done) == ("list", "the kept cache is damaged, or of another format")
        assert essence(done.body) == exactly(plane, done.outline["source"], tmp_path)


def test_a_job_killed_at_any_moment_leaves_the_next_one_right(
    plane: ControlPlane, settings: Settings, churn: Churn, tmp_path: Path
) -> None:
    """SIGKILL while it reads, publishes or keeps its cache; what is kept is whole, old or new."""
    kept = replace(settings, cache=str(tmp_path / "kept"))
    command = [NODETALLY, "run", "--cluster", "c", "--kubeconfig", str(settings.kubeconfig)]
    command += ["--cache", kept.cache, "--no-usage", "--store", str(tmp_path / "store"), "--format", "none"]
    started = time.monotonic()
    subprocess.run(command, check=True, capture_output=True)
    whole = time.monotonic() - started
    some, killed = random.Random(3), 0
    with churn:
        for _ in range(KILLS):
            process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
            time.sleep(some.uniform(0.3, 1.1) * whole)
            process.send_signal(signal.SIGKILL)
            killed += process.wait() == -signal.SIGKILL
            done = run_pass(kept, NOWHERE, store=False)
            assert source_of(done) == ("resume", None)
            assert essence(done.body) == exactly(plane, done.outline["source"], tmp_path)
    assert killed, "no run was killed before its end"


def test_passes_one_after_the_other_outlive_a_restart_of_the_api_server(
    plane: ControlPlane, settings: Settings, churn: Churn, tmp_path: Path
) -> None:
    """`run --every`: one warm cache, every stored snapshot right, whatever happens to the server in between."""
    command = [NODETALLY, "run", "--cluster", "c", "--kubeconfig", str(settings.kubeconfig)]
    command += ["--every", "5s", "--for", "28s", "--store", str(tmp_path / "store"), "--no-usage", "--format", "none"]
    with churn:
        time.sleep(0.5)
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    with churn_again(churn, plane):
        time.sleep(9)
    plane.restart_api_server()
    with churn_again(churn, plane):
        _, said = process.communicate(timeout=120)
    assert process.returncode in (0, 3), said  # a pass that met the server down is told, and the next ones go on
    bodies = [path.read_bytes() for path in sorted((tmp_path / "store" / "snapshots").rglob("*.json.gz"))]
    sources = [snapshot.decode(body)["source"] for body in bodies]
    assert len(bodies) >= 3, said
    assert {source["kind"] for source in sources} <= {"watch", "list"}
    assert "watch" in {source["kind"] for source in sources[1:]}, said
    for body, source in zip(bodies, sources, strict=True):
        assert essence(body) == exactly(plane, source, tmp_path), source
