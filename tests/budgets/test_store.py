"""What a pass asks of the store, by the kinds that S3 charges for; history and neighbours add no request to it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import orjson
import pytest

from budget_passes import Ground
from clusters import NOWHERE
from metered import Meter, MeteredStore, meter_s3
from nodetally.collect import run_pass
from nodetally.settings import Settings
from nodetally.store.base import Store
from nodetally.store.directory import DirectoryStore
from nodetally.store.layout import INDEX_HEADERS, cluster_index_key, clusters_key, day_index_key, latest_key
from nodetally.store.s3 import S3Store
from servers import S3Server  # noqa: TC001 -- pytest looks the type up

SLOT = datetime(2026, 11, 23, 12, tzinfo=UTC)
PASS = {"GET": 4, "PUT": 4, "LIST": 1}  # cluster index, day, latest, clusters; snapshot, day, cluster index, latest
FIRST_PASS = {"GET": 4, "PUT": 5, "LIST": 1}  # the list of clusters, too


class Metered(NamedTuple):
    """A store, what it is asked, and passes into it."""

    store: Store
    meter: Meter
    settings: Settings

    def a_pass(self, minutes: int, **more: str) -> Meter:
        """What a pass asks, so many minutes after noon."""
        settings = Settings(**{**vars(self.settings), "at": SLOT + timedelta(minutes=minutes), **more})
        self.meter.take()
        done = run_pass(settings, NOWHERE, opener=self._open)
        assert done.published is not None
        assert done.published.created
        assert done.not_kept is None
        return self.meter.take()

    def size(self, key: str) -> int:
        found = self.store.get(key)
        assert found is not None
        return len(found.body)

    def _open(self, _: str) -> Store:
        return self.store


@pytest.fixture(params=["directory", "s3"])
def metered(request: pytest.FixtureRequest, small: Ground, tmp_path: Path) -> Metered:
    """Both stores: a directory by the calls of the store's protocol, S3 by the requests that left the client."""
    settings = Settings(cluster="c", store="unused", kubeconfig=small.kubeconfig)
    if request.param == "directory":
        meter = Meter()
        return Metered(MeteredStore(DirectoryStore(tmp_path / "store"), meter), meter, settings)
    server: S3Server = request.getfixturevalue("s3_server")
    store = S3Store("budgets", tmp_path.name, environment=server.environment)
    return Metered(store, meter_s3(store), settings)


def test_a_pass_makes_nine_requests_and_the_first_one_ten(metered: Metered) -> None:
    """On either store, whatever is in it."""
    assert metered.a_pass(0).requests == FIRST_PASS
    assert metered.a_pass(1).requests == PASS
    assert metered.a_pass(2).requests == PASS


def test_a_kept_cache_costs_a_get_and_a_put_more(metered: Metered) -> None:
    """What was kept is read once, and replaced once by its ETag."""
    metered.a_pass(0, cache="anywhere")
    assert metered.a_pass(1, cache="anywhere").requests == {"GET": 5, "PUT": 5, "LIST": 1}


def test_a_pass_sends_its_snapshot_twice_and_the_two_indexes(metered: Metered) -> None:
    """And receives what it replaces, with the list of clusters: not a byte besides."""
    metered.a_pass(0)
    derived = [cluster_index_key("c"), day_index_key("c", "2026-11-23"), latest_key("c"), clusters_key()]
    before = sum(map(metered.size, derived))
    asked = metered.a_pass(1)
    index, day, latest, _ = map(metered.size, derived)
    assert asked.received["GET"] == before
    assert asked.sent["PUT"] == 2 * latest + day + index


def test_history_and_neighbours_cost_no_request_and_few_bytes(metered: Metered) -> None:
    """400 days before this one and 1,000 clusters beside it: 13 bytes a day each way, and a name a cluster."""
    metered.a_pass(0)
    young = metered.a_pass(1)
    days, names = 400, 1000
    with_history(metered.store, days, names)
    old = metered.a_pass(2)
    assert old.requests == young.requests
    a_line = 2 * metered.size(day_index_key("c", "2026-11-23")) // 3  # the day has a line more than before, at most two
    assert old.sent["PUT"] - young.sent["PUT"] <= 13 * days + a_line
    assert old.received["GET"] - young.received["GET"] <= 13 * days + 16 * names + a_line


def with_history(store: Store, days: int, names: int) -> None:
    """So many days more in the cluster's index, and so many names more in the list of clusters."""
    before = [f"{SLOT - timedelta(days=back):%Y-%m-%d}" for back in range(days, 0, -1)]
    others = [f"cluster-{number:04d}" for number in range(names)]
    for key, field, more in ((cluster_index_key("c"), "days", before), (clusters_key(), "clusters", others)):
        found = store.get(key)
        assert found is not None
        index = orjson.loads(found.body)
        store.put(key, orjson.dumps(index | {field: sorted({*index[field], *more})}), INDEX_HEADERS)
