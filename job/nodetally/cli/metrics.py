"""A pass in, OpenMetrics text out, for node-exporter's textfile collector. Written whole or not at all.

A pass that failed says so beside when the last good one was: that line is taken over from the file that is there.
"""

import os
import re
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from nodetally.collect import Pass
from nodetally.errors import NodetallyError, WrongUse

PREFIX = "nodetally"
LAST_SUCCESS = f"{PREFIX}_last_success_timestamp_seconds"
READABLE_BY_ALL = 0o644  # node-exporter is another user


def write_metrics(path: Path, cluster: str, outcome: Pass | NodetallyError, now: datetime) -> None:
    """Replace the file by what this pass came to. Raises WrongUse where it cannot be written."""
    lines = [*_lines(cluster, outcome, now, _last_success(path)), "# EOF", ""]
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write("\n".join(lines))
            Path(temporary).chmod(READABLE_BY_ALL)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise WrongUse(
            f"--metrics-file {path}: {error.strerror}", hint="name a file in a folder that exists"
        ) from error


def _lines(cluster: str, outcome: Pass | NodetallyError, now: datetime, last_success: str | None) -> Iterator[str]:
    label = f'{{cluster="{cluster}"}}'  # a name that fits into keys needs no escapes
    good = isinstance(outcome, Pass)
    yield from _gauge("last_pass_timestamp_seconds", "When the last pass ended.", label, f"{now.timestamp():.0f}")
    yield from _gauge("last_pass_success", "1 if it stored its snapshot, else 0.", label, str(int(good)))
    exit_code = 0 if isinstance(outcome, Pass) else outcome.exit_code
    yield from _gauge("last_pass_exit_code", "What it exited with.", label, str(exit_code))
    when = f"{now.timestamp():.0f}" if good else last_success
    if when is not None:
        text = "When the last pass that stored its snapshot ended."
        yield from _gauge("last_success_timestamp_seconds", text, label, when)
    if isinstance(outcome, Pass):
        yield from _of_pass(outcome, label)


def figures(done: Pass) -> tuple[tuple[str, str, float], ...]:
    """What a pass found and cost: name, meaning, value; bytes and seconds."""
    cost, totals = done.summary["cost"], done.summary["totals"]
    usage = done.summary["usage"]
    return (
        ("pass_duration_seconds", "How long it took, to the encoded snapshot.", cost["seconds"]),
        ("pass_api_requests", "What it asked of the API server.", cost["api_requests"]),
        ("pass_read_bytes", "What it read from the API server.", cost["bytes_read"]),
        ("pass_read_pods", "Pods that it read; events of pods, with a warm cache.", cost["pods_read"]),
        ("pass_max_rss_bytes", "Its peak of resident memory.", cost["max_rss_bytes"]),
        ("pass_snapshot_bytes", "The snapshot as stored.", len(done.body)),
        ("nodes", "Nodes of the cluster.", totals["nodes"]["count"]),
        ("nodes_ready", "Those that are ready.", totals["nodes"]["ready"]),
        ("nodes_without_usage", "Those whose usage is unknown.", _without_usage(usage, totals["nodes"]["count"])),
        ("pods_counted", "Pods that count, on nodes.", totals["pods"]["counted"]),
    )


def _of_pass(done: Pass, label: str) -> Iterator[str]:
    for name, text, value in figures(done):
        yield from _gauge(name, text, label, str(value))
    source = done.summary["source"]["kind"]
    yield from _gauge("pass_source_info", "How it read.", f'{label[:-1]},kind="{source}"}}', "1")


def _without_usage(usage: dict[str, object], nodes: int) -> int:
    missing = usage["missing_nodes"]
    if isinstance(missing, list) and missing:
        return len(missing)
    return 0 if usage["status"] == "ok" else nodes


def _gauge(name: str, text: str, label: str, value: str) -> Iterator[str]:
    yield f"# TYPE {PREFIX}_{name} gauge"
    yield f"# HELP {PREFIX}_{name} {text}"
    yield f"{PREFIX}_{name}{label} {value}"


def _last_success(path: Path) -> str | None:
    try:
        found = re.search(rf"^{LAST_SUCCESS}\{{.*\}} (\d+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    except (OSError, UnicodeDecodeError):
        return None
    return found[1] if found else None
