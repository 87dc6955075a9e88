"""cronjob.yaml against the program; that an API server takes it, and that its rights are right, is tests/cluster's."""

from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from nodetally.cli.run import run
from nodetally.times import parse_duration

CRONJOB = Path(__file__).parent.parent.parent / "cronjob.yaml"
DOCUMENTS = {each["kind"]: each for each in yaml.safe_load_all(CRONJOB.read_text())}
JOB = DOCUMENTS["CronJob"]["spec"]
POD = JOB["jobTemplate"]["spec"]["template"]["spec"]
CONTAINER = POD["containers"][0]


@pytest.fixture
def options() -> dict[str, Any]:
    """The container's args as the program reads them."""
    command, *arguments = CONTAINER["args"]
    assert command == run.name
    return run.make_context("run", [*arguments, "--cluster", "c"]).params


def test_its_variables_are_the_programs() -> None:
    """A misspelt one would be ignored without a word."""
    known = {option.envvar for option in run.params if isinstance(option, click.Option)}
    assert DOCUMENTS["ConfigMap"]["data"].keys() == {"NODETALLY_CLUSTER", "NODETALLY_STORE"}
    assert DOCUMENTS["ConfigMap"]["data"].keys() <= known
    assert CONTAINER["envFrom"] == [{"configMapRef": {"name": DOCUMENTS["ConfigMap"]["metadata"]["name"]}}]


def test_its_slots_are_its_schedules(options: dict[str, Any]) -> None:
    """A retry answers for the same slot only if both say five minutes."""
    assert (JOB["schedule"], options["slot_every"]) == ("*/5 * * * *", "5m")
    assert options["trigger"] == "schedule"


def test_all_its_tries_fit_into_the_jobs_time(options: dict[str, Any]) -> None:
    """A pass gives up, and says why, before the Job is killed."""
    tries = 1 + JOB["jobTemplate"]["spec"]["backoffLimit"]
    seconds = parse_duration(options["timeout"])
    assert tries * seconds.total_seconds() < JOB["jobTemplate"]["spec"]["activeDeadlineSeconds"]


def test_what_must_be_set_is_marked() -> None:
    """Three places, and no more."""
    marked = [
        line.split(":")[0].split()[-1] for line in CRONJOB.read_text().splitlines() if line.endswith("# set this")
    ]
    told = [line for line in CRONJOB.read_text().splitlines() if "# set this:" in line]
    assert marked == ["image"]
    assert len(told) == len(DOCUMENTS["ConfigMap"]["data"])
