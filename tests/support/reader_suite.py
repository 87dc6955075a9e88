"""What every API server must be to a reader: one suite, for the simulator and for a real kube-apiserver.

A subclass gives a `source` fixture. Nothing here changes the cluster.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import pytest

from clusters import METRICS, read
from nodetally import snapshot
from nodetally.assemble import assemble
from nodetally.cluster.dump import observe_dumps
from nodetally.cluster.observation import Observation
from nodetally.collect import utc_now
from nodetally.errors import ClusterError, ClusterRefused, WrongUse
from nodetally.settings import Settings
from nodetally.simulate.tls import make_certificates

Json = dict[str, Any]
PARTS = ("totals", "schedulable_totals", "nodes", "namespaces", "unscheduled", "unknown_nodes")


class Recorder(Protocol):
    """A server that remembers what it was asked."""

    @property
    def requests(self) -> list[tuple[str, str]]: ...

    def forget_requests(self) -> None: ...


@dataclass(frozen=True)
class Source:
    """A cluster behind an API server, and the ways to it."""

    server: Recorder
    settings: Settings  # to `server`
    json_only: Settings  # to the same cluster where nothing but JSON is spoken
    direct: Settings  # through TLS, with a token: as a job reads
    objects: Sequence[Json]  # its nodes and pods, as `kubectl get -o json` has them
    selector: str  # two of its nodes
    small_page: int


def tallied(observation: Observation) -> Json:
    """The snapshot without its source, cost and times."""
    document = snapshot.decode(assemble(observation, Settings(cluster="c"), utc_now(), lambda: 0.0).body)
    return {part: document[part] for part in PARTS}


def without_usage(found: Json) -> Json:
    for row in (found["totals"], found["schedulable_totals"], *found["nodes"]):
        for values in row["resources"].values():
            values["usage"] = None
    return found


def of_dump(objects: Sequence[Mapping[str, Any]], folder: Path) -> Json:
    """What the objects come to when they are read from a file."""
    path = folder / "dump.json"
    path.write_text(json.dumps({"kind": "List", "items": objects}))
    return tallied(observe_dumps([str(path)], None))


def with_other(
    settings: Settings, folder: Path, *, token: str | None = None, authority: bytes | None = None
) -> Settings:
    """Settings that lead to the same server with another token, or trusting another authority."""
    config = json.loads(Path(str(settings.kubeconfig)).read_text())
    if token is not None:
        config["users"][0]["user"]["token"] = token
    if authority is not None:
        config["clusters"][0]["cluster"]["certificate-authority-data"] = base64.b64encode(authority).decode()
    path = folder / "kubeconfig-other"
    path.write_text(json.dumps(config))
    return replace(settings, kubeconfig=str(path))


def settings_of(source: Source, way: str) -> Settings:
    return {
        "protobuf": source.settings,
        "protobuf, gzip": replace(source.settings, gzip=True),
        "protobuf, small pages": replace(source.settings, page_size=source.small_page),
        "protobuf, pages of 500": replace(source.settings, page_size=500),
        "json": source.json_only,
        "json, gzip": replace(source.json_only, gzip=True),
        "json, small pages": replace(source.json_only, page_size=source.small_page),
        "tls and a token": source.direct,
    }[way]


WAYS = (
    "protobuf",
    "protobuf, gzip",
    "protobuf, small pages",
    "protobuf, pages of 500",
    "json",
    "json, gzip",
    "json, small pages",
    "tls and a token",
)


class ReaderSuite:
    """However a cluster is read, the snapshot is the same; and what each way asks of the server."""

    @pytest.fixture(scope="class")
    @classmethod
    def expected(cls, source: Source, tmp_path_factory: pytest.TempPathFactory) -> Json:
        return of_dump(source.objects, tmp_path_factory.mktemp("dump"))

    @pytest.mark.parametrize("way", WAYS)
    def test_every_way_of_reading_gives_the_snapshot_of_the_dump(
        self, source: Source, expected: Json, way: str
    ) -> None:
        """Protobuf or JSON, whole or in pages, compressed or not, through TLS."""
        assert without_usage(tallied(read(settings_of(source, way)))) == expected

    @pytest.mark.parametrize(("usage", "more"), [(True, [METRICS]), (False, [])])
    def test_a_pass_makes_so_many_requests_and_no_more(self, source: Source, usage: bool, more: list[str]) -> None:
        """A budget that does not grow with the cluster; the cost says the same."""
        source.server.forget_requests()
        seen = read(replace(source.settings, usage=usage))
        requests = [path for _, path in source.server.requests]
        assert requests == ["/version", "/api/v1/pods", "/api/v1/nodes", *more]
        assert seen.cost.api_requests == len(requests)
        assert seen.tally.pods == sum(each["kind"] == "Pod" for each in source.objects)
        assert (seen.kind, seen.consistent, seen.server_version is not None) == ("list", True, True)
        assert seen.pods_resource_version
        assert seen.nodes_resource_version

    def test_some_nodes_are_read_by_indexed_queries(self, source: Source, expected: Json) -> None:
        """--node: one query a node, and the same figures as the whole list has for it."""
        whole = {each["name"]: each for each in expected["nodes"]}
        names = sorted(whole)[:2]
        source.server.forget_requests()
        some = read(replace(source.settings, nodes=tuple(names), usage=False))
        asked = [path for _, path in source.server.requests if path.startswith("/api/v1/pods")]
        assert (some.whole, some.consistent) == (False, False)
        assert tallied(some)["nodes"] == [whole[name] for name in names]
        by_node = [f"/api/v1/pods?fieldSelector=spec.nodeName%3D{name}&limit=500" for name in names]
        assert sorted(asked) == [*by_node, "/api/v1/pods?limit=1"], "how many there are, then node by node"

    def test_every_node_by_itself_is_as_in_the_whole_list(self, source: Source, expected: Json) -> None:
        """Node by node, whatever its state."""
        some = [each["name"] for each in expected["nodes"]]
        alone = [tallied(read(replace(source.settings, nodes=(name,), usage=False)))["nodes"] for name in some]
        assert alone == [[each] for each in expected["nodes"]]

    def test_a_selector_picks_nodes_on_the_server(self, source: Source, expected: Json) -> None:
        """--selector goes into the query, and the pods of few nodes are not read from the one list."""
        labels = {each["metadata"]["name"]: each["metadata"].get("labels", {}) for each in source.objects}
        key, _, value = source.selector.partition("=")
        chosen = [each for each in expected["nodes"] if labels[each["name"]].get(key) == value]
        source.server.forget_requests()
        some = read(replace(source.settings, selector=source.selector, usage=False))
        paths = [path for _, path in source.server.requests]
        assert len(chosen) == 2
        assert tallied(some)["nodes"] == chosen
        assert f"/api/v1/nodes?labelSelector={key}%3D{value}" in paths
        assert "/api/v1/pods" not in paths

    def test_most_nodes_are_read_from_the_one_list(self, source: Source, expected: Json) -> None:
        """A selector that leaves out two nodes: the single list is cheaper, and its other pods are not counted."""
        labels = {each["metadata"]["name"]: each["metadata"].get("labels", {}) for each in source.objects}
        key, _, value = source.selector.partition("=")
        chosen = [each for each in expected["nodes"] if labels[each["name"]].get(key) != value]
        source.server.forget_requests()
        some = read(replace(source.settings, selector=f"{key}!={value}", usage=False))
        assert tallied(some)["nodes"] == chosen
        assert "/api/v1/pods" in [path for _, path in source.server.requests]

    def test_a_node_that_is_not_there_is_wrong_use(self, source: Source) -> None:
        """A typo must not look like an empty node."""
        with pytest.raises(WrongUse, match="no node named 'typo'"):
            read(replace(source.settings, nodes=("typo",)))

    def test_a_selector_that_the_server_cannot_read_is_wrong_use(self, source: Source) -> None:
        """Its own words say what is wrong with it."""
        with pytest.raises(WrongUse, match="--selector 'a in '"):
            read(replace(source.settings, selector="a in "))

    def test_nodes_for_kite_are_asked_for_in_json_and_read_alike(self, source: Source) -> None:
        """keep_nodes changes how nodes travel, not what is tallied."""
        seen = read(source.settings, keep_nodes=True)
        assert seen.raw_nodes is not None
        assert len(seen.raw_nodes) == len(seen.nodes)
        assert without_usage(tallied(seen)) == without_usage(tallied(read(source.settings)))

    def test_a_wrong_token_is_refused(self, source: Source, tmp_path: Path) -> None:
        """401 is not an empty cluster."""
        with pytest.raises(ClusterRefused, match="not authenticated: 401"):
            read(with_other(source.direct, tmp_path, token="wrong"))

    def test_a_server_that_is_not_the_one_we_trust_is_refused(self, source: Source, tmp_path: Path) -> None:
        """Another authority's certificate: the error says where to look."""
        with pytest.raises(ClusterError, match="not to be trusted"):
            read(with_other(source.direct, tmp_path, authority=make_certificates().authority))
