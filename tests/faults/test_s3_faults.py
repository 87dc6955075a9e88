"""Each request of a pass into S3 × each harm: exit code, message, bounded attempts; afterwards nothing is lost.

The whole table is part of `make torture`. Here every fault meets a quarter of the requests of a later pass (and what
only a first pass asks), and every request a quarter of the faults.
"""

from collections.abc import Iterator

import pytest

import s3_table
import servers
from s3_table import FAULTS, FIRST, LATER, SAME, TABLE
from torture.places import write_dump

SHARE = 4
REQUESTS = [*LATER, *SAME, "first: put of the list of clusters"]
SLOW = "time-out always"  # waits for each attempt
ROWS = [
    (request, fault)
    for request, fault in TABLE
    if request in REQUESTS and (REQUESTS.index(request) + [*FAULTS].index(fault)) % SHARE == 0
    if fault != SLOW or request == "later: put of the snapshot"
]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[s3_table.Bench]:
    folder = tmp_path_factory.mktemp("table")
    dump = write_dump(folder / "dump.json")
    with servers.s3_server(folder / "s3") as server, s3_table.bench(server, dump) as made:
        yield made


@pytest.mark.parametrize(("request_", "fault"), ROWS, ids=[", ".join(each) for each in ROWS])
def test_a_pass_ends_as_the_table_says(bench: s3_table.Bench, request_: str, fault: str) -> None:
    """Exit 0 or 5, key, code and next step; a clean pass later the store is whole, and all that was stored is there."""
    bench.hold(request_, fault)


def test_the_table_asks_for_all_that_a_pass_asks_for(bench: s3_table.Bench) -> None:
    """Nothing of a pass is left out: neither of a first one, nor of a later one, nor of one that is repeated."""
    for requests, minute in ((FIRST, 0), (LATER, 1), (SAME, 1)):
        bench.proxy.asked.clear()
        assert bench.run(bench.through, "all", minute).code == 0
        made = set(bench.proxy.asked)
        assert set(requests.values()) <= made
        assert made <= set(FIRST.values()) | set(SAME.values())
