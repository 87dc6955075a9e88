"""Passes in, OpenMetrics text out, for node-exporter's textfile collector. Written whole or not at all.

A pass that failed says so beside when the last good one was: that line is taken over from the file that is there.
"""

import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path

from nodetally.collect import Pass
from nodetally.errors import NodetallyError, WrongUse

PREFIX = "nodetally"
LAST_SUCCESS = f"{PREFIX}_last_success_timestamp_seconds"
READABLE_BY_ALL = 0o644  # node-exporter is another user


Outcome = Pass | NodetallyError
Sample = tuple[str, str, str, str]  # name without prefix, meaning, labels, value


def write_metrics(path: Path, outcomes: Mapping[str, tuple[Outcome, datetime]]) -> None:
    """Replace the file by what each cluster's pass came to, and when. Raises WrongUse where it cannot be written."""
    before = _last_successes(path)
    samples = [each for name, ended in outcomes.items() for each in _samples(name, *ended, before.get(name))]
    text = "\n".join([*_families(samples), "# EOF", ""])
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            Path(temporary).chmod(READABLE_BY_ALL)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise WrongUse(
            f"--metrics-file {path}: {error.strerror}", hint="name a file in a folder that exists"
        ) from error


def _samples(cluster: str, outcome: Outcome, now: datetime, last_success: str | None) -> Iterator[Sample]:
    label = f'{{cluster="{cluster}"}}'  # a name that fits into keys needs no escapes
    good = isinstance(outcome, Pass)
    yield "last_pass_timestamp_seconds", "When the last pass ended.", label, f"{now.timestamp():.0f}"
    yield "last_pass_success", "1 if it stored its snapshot, else 0.", label, str(int(good))
    exit_code = 0 if isinstance(outcome, Pass) else outcome.exit_code
    yield "last_pass_exit_code", "What it exited with.", label, str(exit_code)
    when = f"{now.timestamp():.0f}" if good else last_success
    if when is not None:
        text = "When the last pass that stored its snapshot ended."
        yield "last_success_timestamp_seconds", text, label, when
    if isinstance(outcome, Pass):
        for name, meaning, value in figures(outcome):
            yield name, meaning, label, str(value)
        source = outcome.outline["source"]["kind"]
        yield "pass_source_info", "How it read.", f'{label[:-1]},kind="{source}"}}', "1"


def _families(samples: Iterable[Sample]) -> Iterator[str]:
    """Lines of the format: each name's type and meaning once, then its samples together."""
    families: dict[tuple[str, str], list[str]] = {}
    for name, meaning, labels, value in samples:
        families.setdefault((name, meaning), []).append(f"{PREFIX}_{name}{labels} {value}")
    for (name, meaning), lines in families.items():
        yield f"# TYPE {PREFIX}_{name} gauge"
        yield f"# HELP {PREFIX}_{name} {meaning}"
        yield from lines


def figures(done: Pass) -> tuple[tuple[str, str, float], ...]:
    """What a pass found and cost: name, meaning, value; bytes and seconds."""
    cost, totals = done.outline["cost"], done.outline["totals"]
    usage = done.outline["usage"]
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


def _without_usage(usage: dict[str, object], nodes: int) -> int:
    missing = usage["missing_nodes"]
    if isinstance(missing, list) and missing:
        return len(missing)
    return 0 if usage["status"] == "ok" else nodes


def _last_successes(path: Path) -> dict[str, str]:
    """By cluster, as the file that is there says."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return {}
    return dict(re.findall(rf'^{LAST_SUCCESS}\{{cluster="([^"]*)"\}} (\d+)$', text, re.MULTILINE))
