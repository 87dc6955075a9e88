"""infra/backfill-job.yaml and docs/backfill.md: what is written there is what the program takes."""

import re
import shlex
from typing import Any

import click
import pytest
import yaml

from nodetally import snapshot
from nodetally.backfill import promql
from nodetally.backfill.plan import parse_shard
from nodetally.cli.main import cli
from paths import ROOT

DOCS = (ROOT / "docs/backfill.md").read_text()
SHOWN = [
    line.split(" #")[0].strip()
    for block in re.findall(r"```sh\n(.*?)```", DOCS, re.DOTALL)
    for line in block.splitlines()
    if line.startswith("nodetally ")
]


def resolve(command: click.Command, arguments: list[str]) -> click.Context:
    if not isinstance(command, click.Group):
        return command.make_context("nodetally", arguments)
    _, inner, rest = command.resolve_command(click.Context(command), arguments)
    assert inner is not None
    return resolve(inner, rest)


def job() -> dict[str, Any]:
    documents = {each["kind"]: each for each in yaml.safe_load_all((ROOT / "infra/backfill-job.yaml").read_text())}
    return dict(documents["Job"])


def test_the_jobs_shards_are_its_completions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each index has a shard, and each shard an index; the command line is one that the program takes."""
    monkeypatch.setenv("NODETALLY_CLUSTER", "my-cluster")
    spec = job()["spec"]
    [container] = spec["template"]["spec"]["containers"]
    count = spec["completions"]
    assert spec["completionMode"] == "Indexed"
    shards = set()
    for index in range(count):
        arguments = [each.replace("$(JOB_COMPLETION_INDEX)", str(index)) for each in container["args"]]
        shards.add(parse_shard(resolve(cli, arguments).params["shard"]))
    assert {each.of for each in shards} == {count}
    assert {each.number for each in shards} == set(range(count))


@pytest.mark.parametrize("line", SHOWN)
def test_every_command_of_the_docs_parses(line: str) -> None:
    """Options that were renamed cannot stay."""
    resolve(cli, shlex.split(line)[1:])


def test_the_docs_name_every_series_that_is_asked_for() -> None:
    """An exporter that is told to drop one of them would leave a gap."""
    asked = " ".join([*promql.Questions().all().values(), promql.Questions().tells_terminating()])
    series = set(re.findall(r"\b(?:kube|node|container)_[a-z_]+(?=\{)", asked))
    assert len(series) > 20
    assert {each for each in series if f"`{each}`" not in DOCS} == set()


def test_the_docs_have_a_line_for_every_field_of_a_node() -> None:
    """What each number means in a snapshot from Prometheus."""
    fields = {*snapshot.Node.__annotations__, *snapshot.Resource.__annotations__, *snapshot.NodePods.__annotations__}
    assert {each for each in fields if f"`{each}`" not in DOCS} == {"resources"} & fields
