"""How one simulated server differs from others: what it speaks, how patient and how fast it is, what it measures."""

from dataclasses import dataclass

RELEASE = "v1.37.2"  # of Kubernetes: what all of it is held against


@dataclass(frozen=True)
class Behaviour:
    """What upstream does by default; other servers and links, and what a test needs shorter."""

    protobuf: bool = True  # False: a server or proxy that only speaks JSON
    pace_bytes_per_second: float | None = None  # None: as fast as it goes
    too_large_wait_seconds: float = 3.0  # how long a version of the future is waited for (watch_cache.go:49)
    watch_list: bool = True  # False: an older server, whose watches send no initial events on demand
    bookmark_seconds: float = 60.0  # cacher.go:78
    margin_seconds: float = 2.0  # the last bookmark comes so long before the deadline (cache_watcher.go:233)
    metrics_versions: tuple[str, ...] = ("v1beta1",)  # of metrics.k8s.io; none: there is no such group
    metrics_status: int = 200  # 403: not allowed; 503: registered, but nobody answers
    metrics_missing: int = 0  # so many nodes, the first by name, have no measurement
