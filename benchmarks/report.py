"""results.json in, the README and its plots out. Measures nothing: what it says of figures, it computes from them."""

from collections.abc import Mapping, Sequence
from typing import Any

import plots
from alternatives import READERS
from budgets import RESUMED
from importtime import LONG_MS
from sizes import LIMIT, PASS

Json = Mapping[str, Any]


def files(results: Json) -> dict[str, str]:
    """Names and contents of what is written beside results.json."""
    return {
        "README.md": "\n".join([*_head(results), *_alternatives(results), *_sizes(results), *_commands(results)]),
        "alternatives.svg": _bars(results),
        "sizes.svg": _panels(results),
    }


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    line = "| {} |".format
    return [line(" | ".join(heads)), f"|{'---|' * len(heads)}", *(line(" | ".join(row)) for row in rows)]


def _head(results: Json) -> list[str]:
    rows = [
        (each["what"], each["measured"], each["allowed"], each["beside"], "yes" if each["held"] else "**no**")
        for each in results["budgets"]
    ]
    return [
        "# Benchmarks",
        "",
        "Written by `make bench`; run it again on your machine: seconds will differ, ratios should not. Whole processes,",
        "interleaved, medians. The simulator runs beside what is measured, on the same processors, and sends what it made",
        "up before: a real API server takes longer over each list, whoever reads it. The limit reads pods and nodes alone,",
        "a pass the version and usage, too. A resumed pass waits for the server's bookmark, some 1 s.",
        "",
        "Under memory limits, over slow links, told 429, with a tenth of a processor: [pressure.md](pressure.md). Where the",
        "time goes: [flames.md](flames.md); what was changed for it, and what was not: [tried.md](tried.md).",
        "",
        *(f"- {key}: {value}" for key, value in results["machine"].items()),
        "",
        *table(("budget", "measured", "allowed", "beside it", "held"), rows),
        "",
    ]


def _rows(results: Json) -> dict[str, Json]:
    return {row["what"]: row for row in results["rows"]}


def _readers(results: Json) -> dict[str, Json]:
    """This first, the others from fast to slow."""
    rows = _rows(results)
    others = sorted((rows[title] for title in READERS.values()), key=lambda row: float(row["wall"]))
    return {f"nodetally run: {PASS}": rows[PASS], LIMIT: rows[LIMIT], **{row["what"]: row for row in others}}


def _alternatives(results: Json) -> list[str]:
    readers = _readers(results)
    own = next(iter(readers.values()))
    rows = [
        (
            *(what, f"{row['wall']:.2f} ({row['fastest']:.2f}–{row['slowest']:.2f})", f"{row['cpu']:.2f}"),
            *(f"{row['peak_mb']:.0f}", f"{row['wall'] / own['wall']:.1f}", f"{row['cpu'] / own['cpu']:.1f}"),
            f"{row['peak_mb'] / own['peak_mb']:.1f}",
        )
        for what, row in readers.items()
    ]
    heads = ("reader", "wall s (fastest–slowest)", "CPU s", "peak MB", "× wall", "× CPU", "× peak")
    return [
        f"## The alternatives, {results['small']:,} pods",
        "",
        "Each of the three came to the same millicores for each node as the snapshot has, and that was checked; the pass",
        "does more: memory, limits and all other resources by Kubernetes' rules, usage, and a stored snapshot. They list",
        "in pages of 500 over JSON, as `kubectl` does; the first two lines read protobuf.",
        "",
        "![Wall time and peak memory of each reader](alternatives.svg)",
        "",
        *table(heads, rows),
        "",
    ]


def _bars(results: Json) -> str:
    readers = _readers(results)
    return plots.bars(
        {
            "wall, s": {what: (row["wall"], f"{row['wall']:.2f}") for what, row in readers.items()},
            "peak RSS, MB": {what: (row["peak_mb"], f"{row['peak_mb']:.0f}") for what, row in readers.items()},
        }
    )


def _sizes(results: Json) -> list[str]:
    points = results["sizes"]["points"]
    rows = [
        (
            *(f"{each['nodes']:,}", f"{each['pods']:,}", f"{each['limit']:.2f}"),
            f"{each['wall']:.2f} ({each['fastest']:.2f}–{each['slowest']:.2f})",
            *(f"{each['cpu']:.2f}", f"{each['peak_mb']:.0f}", f"{each['requests']}"),
            *(
                f"{each['bytes_read'] / 1e6:,.1f}",
                f"{each['bytes_written'] / 1e3:,.1f}",
                f"{each['snapshot_bytes'] / 1e3:,.1f}",
            ),
        )
        for each in points
    ]
    heads = [
        "nodes",
        "pods",
        "limit s",
        "wall s",
        "CPU s",
        "peak MB",
        "requests",
        "read MB",
        "written KB",
        "snapshot KB",
    ]
    slopes = [
        (
            *(each["what"], significant(each["fixed"]), significant(each["a_node"] * 1000)),
            *(significant(each["a_pod"] * 1000), f"{each['off'] * 100:.0f} %"),
        )
        for each in results["sizes"]["slopes"]
    ]
    return [
        "## Sizes",
        "",
        "![Wall time, peak memory and snapshot size by pods and nodes](sizes.svg)",
        "",
        *table(heads, rows),
        "",
        "Written: a pass early in its day; what a long history adds: [store.md](store.md). Snapshots are gzip.",
        "",
        "The slopes, by least squares of the relative error over all sizes:",
        "",
        *table(("of a pass", "fixed", "per 1,000 nodes", "per 1,000 pods", "worst point off by"), slopes),
        "",
    ]


def significant(value: float) -> str:
    """Two digits that count.

    >>> significant(0.01234), significant(123.4), significant(-4.56), significant(0)
    ('0.012', '123', '-4.6', '0')
    """
    if abs(value) < 1e-3:
        return "0"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{float(f'{value:.2g}'):g}"


def _panels(results: Json) -> str:
    points = results["sizes"]["points"]
    counts = sorted({each["nodes"] for each in points})

    def curves(value: str, scale: float = 1) -> dict[str, plots.Points]:
        return {
            f"{count:,} nodes": [(each["pods"], each[value] * scale) for each in points if each["nodes"] == count]
            for count in counts
        }

    return plots.panels(
        [
            plots.Panel("wall, s", curves("wall"), curves("limit")),
            plots.Panel("peak RSS, MB", curves("peak_mb"), curves("limit_mb")),
            plots.Panel("snapshot, KB of gzip", curves("snapshot_bytes", 1e-3)),
        ]
    )


def _commands(results: Json) -> list[str]:
    readers = set(READERS.values())
    rows = [
        (
            *(row["what"], f"{row['wall']:.2f} ({row['fastest']:.2f}–{row['slowest']:.2f})", f"{row['cpu']:.2f}"),
            *(f"{row['peak_mb']:.0f}", f"{row['runs']}"),
        )
        for row in results["rows"]
        if row["what"] not in readers
    ]
    imports = [
        (what, f"`{each['module']}`", f"{each['milliseconds']:.0f}", each["reason"] or "**none: to be removed**")
        for what, found in results["imports"].items()
        for each in found
    ]
    resumed = results["costs"]["resumed"]
    return [
        f"## Whole processes, {results['small']:,} pods",
        "",
        *table(("command", "wall s (fastest–slowest)", "CPU s", "peak MB", "runs"), rows),
        "",
        f"A {RESUMED.partition(',')[0]} asked {resumed['api_requests']} requests and read {resumed['bytes_read'] / 1e6:.2f} MB.",
        "",
        f"Imports of {LONG_MS} ms and more in a pass (`python -X importtime`, which adds some), with all that they bring:",
        "",
        *table(("store", "import", "ms", "why"), imports),
        "",
        "The rest is why a pass opens its own connection with `http.client`, reads plain kubeconfigs itself, and loads the",
        "S3 client in a thread while the list streams.",
        "",
    ]
