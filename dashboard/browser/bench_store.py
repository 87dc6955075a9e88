"""The store that the page is measured with: `nodes-10` to `nodes-5000`, each with 90 days of four passes an hour.

One real pass over a simulated cluster of each size; the days before it are index lines only, which is all that charts
read.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from make_store import newest, nodetally, simulated, text

from nodetally.store.indexes import Summary, summarise
from nodetally.store.layout import snapshot_key
from nodetally.store.open import open_store
from nodetally.store.publish import derive
from nodetally.store.update import Pauses

NOW = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)
SIZES = (10, 100, 1000, 5000)
PODS_A_NODE = 8
DAYS, STEP = 90, timedelta(minutes=15)


def moved(summary: Summary, moment: datetime, share: float) -> Summary:
    """The line of a snapshot as it might have been at another moment: charts need lines that move."""
    slot = text(moment)
    key = snapshot_key(summary.cluster, slot)
    resources = {
        name: figures | {part: figures[part] and int(figures[part] * share) for part in ("requests", "limits", "usage")}
        for name, figures in summary.entry["totals"]["resources"].items()
    }
    totals = summary.entry["totals"] | {"resources": resources}
    entry = summary.entry | {"key": key, "slot": slot, "taken_at": slot, "totals": totals}
    return summary._replace(slot=slot, key=key, entry=entry)


def add_history(store: str, cluster: str) -> None:
    """Every quarter of an hour of 90 days, in the indexes alone."""
    last = summarise(newest(store, cluster))
    steps = range(1, DAYS * 24 * 4)
    before = [moved(last, NOW - STEP * step, 0.7 + 0.3 * (step % 96) / 96) for step in steps]
    derive(open_store(store), cluster, [*before, last], pauses=Pauses(), bodies={})


def make(store: Path) -> None:
    for size in SIZES:
        cluster = f"nodes-{size}"
        with simulated("--nodes", str(size), "--pods", str(size * PODS_A_NODE), "--seed", "3") as (config, _):
            nodetally("run", "--kubeconfig", config, "--cluster", cluster, "--store", str(store), "--format", "none",
                      "--at", text(NOW), "--trigger", "schedule")  # fmt: skip
        add_history(str(store), cluster)
