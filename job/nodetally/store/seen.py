"""How far a walk through a store is. For a progress bar, and for the last line that tells what was seen."""

from dataclasses import dataclass


@dataclass
class Seen:
    """Counts that only grow, except `clusters_found`: how many clusters there are to do, once that is known."""

    clusters: int = 0
    clusters_found: int = 0
    days: int = 0
    snapshots: int = 0
    snapshot_bytes: int = 0  # as stored
