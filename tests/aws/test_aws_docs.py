"""docs/aws.md against the program, the templates, and the event reader: no command that could not be typed."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from cfnlint.decode import cfn_yaml

from nodetally.aws_lambda.events import FIELDS, backfill_arguments, passes_asked
from nodetally.cli.backfill import backfill
from nodetally.cli.main import cli
from paths import PACKAGE

ROOT = PACKAGE.parent.parent
TEXT = (ROOT / "docs" / "aws.md").read_text()
COMMANDS = [
    shlex.split(line) for block in re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL) for line in block.splitlines()
]
DEPLOYS = [each for each in COMMANDS if each[:3] == ["aws", "cloudformation", "deploy"]]
EVENTS: list[dict[str, Any]] = [json.loads(each) for each in re.findall(r"^\| `(\{.*?\})` \|", TEXT, re.MULTILINE)]
PAYLOADS = [json.loads(each[each.index("--payload") + 1]) for each in COMMANDS if "--payload" in each]


def resolve(command: click.Command, arguments: list[str]) -> None:
    """Parse a command line to its end without running anything."""
    if isinstance(command, click.Group):
        _, inner, rest = command.resolve_command(click.Context(command), arguments)
        assert inner is not None
        return resolve(inner, rest)
    command.make_context("nodetally", arguments)
    return None


@pytest.mark.parametrize("words", [each for each in COMMANDS if each[0] == "nodetally"], ids=" ".join)
def test_every_command_of_ours_parses(words: list[str]) -> None:
    """Options that were renamed cannot stay."""
    command = cli.get_command(click.Context(cli), words[1])
    assert command is not None
    resolve(command, words[2:])


@pytest.mark.parametrize("words", DEPLOYS, ids=" ".join)
def test_every_deployment_names_parameters_that_the_template_takes(words: list[str]) -> None:
    """A value must match, too; a first deployment names all that have no default."""
    template = cfn_yaml.load(words[words.index("--template-file") + 1])
    parameters = template["Parameters"]
    given = dict(each.split("=", 1) for each in words[words.index("--parameter-overrides") + 1 :])
    assert given.keys() <= parameters.keys()
    for name, value in given.items():
        allowed = [str(each) for each in parameters[name].get("AllowedValues", [value])]
        assert value in allowed
        shown = "…" in value or "$(" in value  # something to fill in
        assert shown or re.fullmatch(parameters[name].get("AllowedPattern", ".*"), value)
    needed = {name for name, each in parameters.items() if "Default" not in each}
    stack = words[words.index("--stack-name") + 1]
    first = next(each for each in DEPLOYS if stack in each) is words
    assert not first or needed <= given.keys()
    iam = any(each["Type"].startswith("AWS::IAM::") for each in template["Resources"].values())
    assert ("CAPABILITY_IAM" in words) is iam


def test_files_and_targets_that_it_names_exist() -> None:
    """Templates, manifests, make targets, links."""
    for words in COMMANDS:
        for name in (each for each in words if each.startswith("infra/")):
            assert (ROOT / name).is_file(), name
        if words[0] == "kubectl":
            assert [*yaml.safe_load_all(Path(ROOT / words[-1]).read_text())]
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z-]+)", TEXT)) <= targets
    for link in re.findall(r"\]\(([^)#]+)", TEXT):
        assert (ROOT / "docs" / link).exists(), link


@pytest.mark.parametrize("event", [*EVENTS, *PAYLOADS], ids=json.dumps)
def test_every_event_is_one_that_the_function_reads(event: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """As a pass for each cluster, or as a backfill that the command line would take."""
    monkeypatch.setenv("NODETALLY_STORE", "s3://bucket/prefix")
    if "backfill" not in event:
        assert all(each.keys() <= set(FIELDS) for each in passes_asked(event))
        return
    source, *arguments = backfill_arguments(event)
    backfill.commands[source].make_context(source, arguments)


def test_there_is_something_to_check() -> None:
    """The patterns above still find the document's examples."""
    assert (len(DEPLOYS), len(EVENTS), len(PAYLOADS)) == (6, 4, 2)
