"""DuckDB and Spark over a store's rollups, set up by the files that people are given."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from paths import ROOT

ANALYTICS = ROOT / "infra/analytics"
PLACE = "./nodetally-data"  # what people put their store's address for
ELSEWHERE = "America/New_York"  # a session's time zone that must change nothing
Row = dict[str, Any]


class Engine(Protocol):
    """Runs a query; rows by the names of their columns."""

    def rows(self, sql: str) -> list[Row]: ...


class DuckDB:
    def __init__(self, folder: Path) -> None:
        import duckdb

        self._connection = duckdb.connect()
        self._connection.execute(f"SET TimeZone = '{ELSEWHERE}'")
        self._connection.execute((ANALYTICS / "duckdb.sql").read_text().replace(PLACE, str(folder)))

    def rows(self, sql: str) -> list[Row]:
        found = self._connection.execute(sql)
        names = [each[0] for each in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


class Spark:
    def __init__(self, folder: Path) -> None:
        from pyspark.sql import SparkSession

        settings = {
            "spark.ui.enabled": "false",
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.memory": "2g",
            "spark.sql.shuffle.partitions": "2",
            "spark.sql.sources.parallelPartitionDiscovery.threshold": "100000",  # a job to list folders takes longer
            "spark.sql.files.openCostInBytes": "65536",  # many small files a task
            "spark.sql.session.timeZone": ELSEWHERE,
            "spark.sql.warehouse.dir": str(folder / ".spark"),
            "spark.log.level": "ERROR",
        }
        builder = SparkSession.builder.master("local[2]").appName("nodetally")
        for name, value in settings.items():
            builder = builder.config(name, value)
        self.session = builder.getOrCreate()
        script = "\n".join(
            line for line in (ANALYTICS / "spark.sql").read_text().splitlines() if not line.startswith("--")
        )
        for statement in filter(str.strip, script.replace(PLACE, str(folder)).split(";")):
            self.session.sql(statement)

    def rows(self, sql: str) -> list[Row]:
        return [row.asDict() for row in self.session.sql(sql).collect()]


@contextmanager
def spark(folder: Path) -> Iterator[Spark]:
    engine = Spark(folder)
    try:
        yield engine
    finally:
        engine.session.stop()


def why_no_spark() -> str | None:
    """What is missing, in words."""
    if not (shutil.which("java") or os.environ.get("JAVA_HOME")):
        return "there is no java: Spark 4 needs 17 or newer"
    try:
        import pyspark as _  # noqa: F401
    except ImportError as error:
        return f"PySpark is missing ({error}): make .venv/analytics"
    return None
