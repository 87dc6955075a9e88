"""Every budget of a pass beside what was measured, and beside the limit or the alternative of the same run."""

import gzip
from collections.abc import Mapping
from typing import Any, NamedTuple

from measuring import HERE, Row
from sizes import LIMIT, PASS, Point

S3_PASS, RESUMED = "cold pass, S3 store", "resumed pass, 1 % changed"
HELP, NOTHING = "nodetally --help", "python -c pass"
BOTO3 = "python -c 'import boto3'"
PAGE = HERE.parent / "job" / "nodetally" / "dashboard" / "page"


class Budget(NamedTuple):
    """One line: what, what it came to, what is allowed, what stands beside it."""

    what: str
    measured: str
    allowed: str
    beside: str
    held: bool


def budgets(rows: Mapping[str, Row], costs: Mapping[str, Any], large: Point, warm: Mapping[str, float]) -> list[Budget]:
    """`costs`: the snapshots' own of a cold and a resumed pass; `warm`: what warm.py measured."""
    return [*_passes(rows), *_growth(rows, costs, large), *_cache(costs, large, warm), _help(rows), _page()]


def _passes(rows: Mapping[str, Row]) -> list[Budget]:
    limit, cold, s3 = rows[LIMIT], rows[PASS], rows[S3_PASS]
    allowed = 1.3 * limit.wall + 0.35
    return [
        Budget("cold pass, directory store", f"{cold.wall:.2f} s, {cold.peak_mb:.0f} MB",
               f"≤ 1.3 × limit + 0.35 s = {allowed:.2f} s, 45 MB",
               f"bytes read and dropped: {limit.wall:.2f} s, {limit.peak_mb:.0f} MB",
               cold.wall <= allowed and cold.peak_mb <= 45),
        Budget("the same into S3", f"{s3.wall:.2f} s, {s3.peak_mb:.0f} MB", f"≤ {cold.wall + 0.5:.2f} s, 85 MB",
               f"`import boto3` by itself: {rows[BOTO3].wall:.2f} s, {rows[BOTO3].peak_mb:.0f} MB",
               s3.wall <= cold.wall + 0.5 and s3.peak_mb <= 85),
    ]  # fmt: skip


def _growth(rows: Mapping[str, Row], costs: Mapping[str, Any], large: Point) -> list[Budget]:
    limit, cold, read = rows[LIMIT], rows[PASS], costs["cold"]["bytes_read"]
    beyond = (large.wall - large.limit) / large.bytes_read
    before = (cold.wall - limit.wall) / read
    return [
        Budget(f"{large.pods:,} pods on {large.nodes:,} nodes: memory", f"{large.peak_mb:.1f} MB",
               f"≤ 1.5 × {cold.peak_mb:.1f} = {1.5 * cold.peak_mb:.1f} MB", f"bytes read and dropped: {large.limit_mb:.0f} MB",
               large.peak_mb <= 1.5 * cold.peak_mb),
        Budget("the same: time beyond the limit, a MB", f"{beyond * 1e9:.2f} ms",
               f"≤ 1.1 × {before * 1e9:.2f} ms at {costs['cold']['pods_read']:,} pods, start-up in it",
               f"the limit: {large.limit / large.bytes_read * 1e9:.2f} ms", beyond <= 1.1 * before),
    ]  # fmt: skip


def _cache(costs: Mapping[str, Any], large: Point, warm: Mapping[str, float]) -> list[Budget]:
    cold, resumed = costs["cold"]["bytes_read"], costs["resumed"]["bytes_read"]
    quiet, changed, size = warm["pass_seconds"], warm["changed_pass_seconds"], warm["index_bytes_a_pod"]
    beside = f"cold: {large.wall:.2f} s"
    return [
        Budget("resumed pass, 1 % of pods changed: bytes", f"{resumed / 1e6:.2f} MB", f"≤ 3 % = {0.03 * cold / 1e6:.2f} MB",
               f"cold: {cold / 1e6:.0f} MB", resumed <= 0.03 * cold),
        Budget(f"pass over a warm index, {large.pods:,} pods, to the encoded snapshot", f"{quiet * 1000:.0f} ms", "≤ 150 ms",
               beside, quiet <= 0.15),
        Budget("the same, 1 % of pods changed since the last one", f"{changed * 1000:.0f} ms", "≤ 150 ms", beside,
               changed <= 0.15),
        Budget("index, its tallies in it", f"{size:.0f} bytes a pod", "≤ 400",
               f"kept in a file: {warm['kept_bytes_a_pod']:.0f}; on the wire: {large.bytes_read / large.pods:,.0f}", size <= 400),
    ]  # fmt: skip


def _help(rows: Mapping[str, Row]) -> Budget:
    wall = rows[HELP].wall
    return Budget(
        HELP, f"{wall * 1000:.0f} ms", "≤ 150 ms", f"{NOTHING}: {rows[NOTHING].wall * 1000:.0f} ms", wall <= 0.15
    )


def _page() -> Budget:
    files = [path.read_bytes() for path in sorted(PAGE.rglob("*")) if path.suffix in (".js", ".css")]
    packed = sum(len(gzip.compress(each, mtime=0)) for each in files)
    return Budget("page: script and style", f"{packed / 1000:.0f} KB of gzip", "≤ 80 KB",
                  "its first paint: `make bench-page`", packed <= 80_000)  # fmt: skip
