"""How a pass grows: one cluster size after the other, each beside the limit, and the slopes through all of them."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

from measuring import Row, interleaved
from simulated import CLUSTER, PODS_A_NODE, Simulated, latest, simulated

LIMIT, PASS = "bytes read and dropped (the limit)", "cold pass, directory store"


@dataclass(frozen=True)
class Point:
    """One size: medians of whole passes, and what the snapshot and the store say of one."""

    nodes: int
    pods: int
    wall: float
    fastest: float
    slowest: float
    cpu: float
    peak_mb: float
    limit: float  # wall seconds of reading the same bytes and dropping them
    limit_mb: float
    requests: int
    bytes_read: int
    bytes_written: int
    snapshot_bytes: int


class Slope(NamedTuple):
    """What one quantity comes to: a fixed part, so much a node, so much a pod; and the worst point's share off that."""

    what: str
    fixed: float
    a_node: float
    a_pod: float
    off: float


def grid(large: int) -> list[tuple[int, int]]:
    """Nodes and pods, smallest first: few of many and many of few, so that what each adds can be told apart.

    >>> grid(150_000)[0], grid(150_000)[-1]
    ((10, 1000), (5000, 150000))
    """
    most = max(1, large // PODS_A_NODE)
    few, some, many = max(1, most // 500), max(1, most // 50), max(1, most // 5)
    tiny, small, half = max(1, large // 150), max(1, large // 15), large // 3
    return [
        *((few, tiny), (some, tiny), (many, tiny), (most, tiny)),
        *((some, small), (many, small), (most, small), (many, half), (most, half), (most, large)),
    ]


def repeats_at(pods: int, large: int, repeats: int) -> int:
    """Large sizes take long and spread little."""
    return max(1, repeats // (2 if pods < large // 3 else 3))


def measured(folder: Path, nodes: int, pods: int, repeats: int) -> Point:
    with simulated(folder, nodes, pods) as cluster:
        return point(cluster, folder, nodes, pods, repeats)


def point(cluster: Simulated, folder: Path, nodes: int, pods: int, repeats: int) -> Point:
    """Measure a cluster that is served already."""
    store = folder / f"store-{nodes}-{pods}"
    rows = interleaved({LIMIT: cluster.drop(), PASS: cluster.pass_of(str(store))}, repeats)
    return _point(nodes, pods, rows[PASS], rows[LIMIT], store)


def _point(nodes: int, pods: int, row: Row, limit: Row, store: Path) -> Point:
    cost = latest(store)["cost"]
    sizes = {path: path.stat().st_size for path in sorted(store.rglob("*")) if path.is_file()}
    snapshots = [size for path, size in sizes.items() if "snapshots" in path.parts]
    derived = sum(size for path, size in sizes.items() if CLUSTER in path.parts)
    return Point(
        *(nodes, pods, row.wall, row.fastest, row.slowest, row.cpu, row.peak_mb, limit.wall, limit.peak_mb),
        *(cost["api_requests"], cost["bytes_read"], snapshots[-1] + derived, snapshots[-1]),
    )


QUANTITIES: dict[str, Callable[[Point], float]] = {
    "wall, ms": lambda point: point.wall * 1000,
    "the limit's wall, ms": lambda point: point.limit * 1000,
    "CPU, ms": lambda point: point.cpu * 1000,
    "peak RSS, KB": lambda point: point.peak_mb * 1000,
    "requests": lambda point: point.requests,
    "read, KB": lambda point: point.bytes_read / 1000,
    "written, KB": lambda point: point.bytes_written / 1000,
    "snapshot, KB": lambda point: point.snapshot_bytes / 1000,
}


def slopes(points: Sequence[Point]) -> list[Slope]:
    return [slope(what, points, value) for what, value in QUANTITIES.items()]


def slope(what: str, points: Sequence[Point], value: Callable[[Point], float]) -> Slope:
    """Least squares of the relative error, so that small clusters count as much as large ones."""
    rows = [[part / value(each) for part in (1, each.nodes, each.pods)] for each in points]
    left = [[sum(row[i] * row[j] for row in rows) for j in range(3)] for i in range(3)]
    right = [sum(row[i] for row in rows) for i in range(3)]
    fixed, a_node, a_pod = solve(left, right)
    off = max(abs(fixed * one + a_node * nodes + a_pod * pods - 1) for one, nodes, pods in rows)
    return Slope(what, fixed, a_node, a_pod, off)


def solve(left: list[list[float]], right: list[float]) -> list[float]:
    """Three equations, by Gauss and Jordan.

    >>> solve([[2, 0, 0], [0, 4, 0], [0, 0, 5]], [2, 8, 15])
    [1.0, 2.0, 3.0]
    """
    table = [[*row, value] for row, value in zip(left, right, strict=True)]
    for i in range(len(table)):
        pivot = max(range(i, len(table)), key=lambda row: abs(table[row][i]))
        table[i], table[pivot] = table[pivot], table[i]
        table[i] = [value / table[i][i] for value in table[i]]
        for j in range(len(table)):
            if j != i:
                table[j] = [value - table[j][i] * own for value, own in zip(table[j], table[i], strict=True)]
    return [row[-1] for row in table]


def document(points: Sequence[Point]) -> dict[str, object]:
    """As results.json has it."""
    rounded = [
        {name: round(value, 4) if isinstance(value, float) else value for name, value in asdict(each).items()}
        for each in points
    ]
    return {"points": rounded, "slopes": [each._asdict() for each in slopes(points)]}
