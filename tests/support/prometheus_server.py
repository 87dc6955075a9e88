"""A real Prometheus over a past that a test wrote: blocks made by promtool, the server on a free port of loopback."""

import os
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import servers

PROGRAMS = ("prometheus", "promtool")
READY_SECONDS = 60  # it takes a tenth of a second on an idle machine


def need_prometheus() -> None:
    """Skip, and say why; with CI=true a missing program is a failure."""
    missing = [each for each in PROGRAMS if shutil.which(each) is None]
    if missing:
        why = f"no {' and no '.join(missing)}: apt-get install prometheus"
        if os.environ.get("CI") == "true":
            pytest.fail(why)
        pytest.skip(why)


@contextmanager
def serving(folder: Path, open_metrics: str, *options: str) -> Iterator[str]:
    """The server's address. Samples are seen for a minute: with five between them, one that ended is not seen again,
    as a scrape that misses a series marks it stale."""
    need_prometheus()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "om.txt").write_text(open_metrics)
    (folder / "prometheus.yml").write_text("global: {scrape_interval: 1m}\nscrape_configs: []\n")
    blocks = ["promtool", "tsdb", "create-blocks-from", "--max-block-duration=24h", "openmetrics", "om.txt", "data"]
    made = subprocess.run(blocks, cwd=folder, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    [port] = servers.free_ports(1)
    command = [
        "prometheus",
        "--config.file=prometheus.yml",
        "--storage.tsdb.path=data",
        "--storage.tsdb.retention.time=100y",
        "--query.lookback-delta=1m",
        f"--web.listen-address=127.0.0.1:{port}",
        *options,
    ]
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        url = f"http://127.0.0.1:{port}"
        servers.wait_until(lambda: _answers(f"{url}/-/ready"), process, folder / "log", READY_SECONDS)
        yield url
    finally:
        process.kill()
        process.wait()


def _answers(url: str) -> bool:
    urllib.request.urlopen(url, timeout=5).close()
    return True
