"""Docs that can be wrong are held against the program."""

import importlib.util
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import click
import pytest

from nodetally import errors
from nodetally.cli.main import COMMANDS, cli, main
from paths import ROOT

README = (ROOT / "README.md").read_text()
WITH_PROSE = ("docs", "benchmarks", "tests", "dashboard/browser")
INSTALL = (ROOT / "docs/install.md").read_text()
SHOWN = [
    line.split("#")[0].strip()
    for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
]
PROSE = sorted([*ROOT.glob("*.md"), *(path for place in WITH_PROSE for path in (ROOT / place).glob("*.md"))])
OURS = [line for line in SHOWN if line.startswith("nodetally ")]


def anchors(text: str) -> set[str]:
    """What a link may end in: each heading in small letters, without marks, its words joined by hyphens."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def options_of(command: click.Command) -> Iterator[click.Option]:
    """Of a command, or of all below a group."""
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from options_of(inner)
    yield from (each for each in command.params if isinstance(each, click.Option))


def test_a_variable_means_the_same_to_every_command() -> None:
    """A job's environment may hold all of them, and someone calls another command in it."""
    kinds: dict[str, set[str]] = {}
    for each in options_of(cli):
        if isinstance(each.envvar, str):
            kinds.setdefault(each.envvar, set()).add(f"{each.opts[0]}: {each.type}")
    assert len(kinds) > 80
    assert {name: kind for name, kind in kinds.items() if len(kind) > 1} == {}


def resolve(command: click.Command, arguments: list[str]) -> None:
    """Parse a command line to its end without running anything."""
    if not isinstance(command, click.Group):
        command.make_context("nodetally", arguments)
        return
    _, inner, rest = command.resolve_command(click.Context(command), arguments)
    assert inner is not None
    resolve(inner, rest)


@pytest.mark.parametrize("line", OURS)
def test_every_command_of_the_readme_parses(line: str) -> None:
    """Options that were renamed cannot stay in the README."""
    words = shlex.split(line)[1:]
    command = cli.get_command(click.Context(cli), words[0])
    assert command is not None
    resolve(command, words[1:])


def test_the_image_is_built_from_what_is_there() -> None:
    """The Dockerfile's place and arguments, as docs/install.md gives them."""
    dockerfile = (ROOT / "infra/Dockerfile").read_text()
    assert "docker build -f infra/Dockerfile -t " in INSTALL
    arguments = re.findall(r"`(?:--build-arg )?([A-Z]+)=", INSTALL)
    assert set(arguments) == {"PYTHON", "VERSION", "REVISION"} == set(re.findall(r"^ARG ([A-Z]+)=", dockerfile, re.M))


def test_every_make_target_of_the_docs_exists() -> None:
    """`make run` and the others, in README and CONTRIBUTING."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z-]+)", README + (ROOT / "CONTRIBUTING.md").read_text()))
    assert named - {"are"} <= targets


def test_every_exit_code_of_the_errors_is_in_the_readme() -> None:
    """And none that does not exist."""
    told = {int(code) for code in re.findall(r"^\| (\d) \|", README, re.MULTILINE)}
    kinds = [
        each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, errors.NodetallyError)
    ]
    assert told == {0, *(each.exit_code for each in kinds)}


def test_the_demo_ends_by_saying_how_to_open_the_page() -> None:
    """`make run` runs this script, and what it says parses."""
    script = (ROOT / "scripts/demo.sh").read_text()
    said = re.search(r'^echo ".*\.venv/bin/nodetally (dashboard serve [^"]*)"$', script, re.MULTILINE)
    assert said is not None
    assert "nodetally show --cluster" in script[: said.start()]
    resolve(cli, shlex.split(said[1].replace("$store", "DIRECTORY")))


@pytest.mark.parametrize("name", COMMANDS)
def test_the_short_help_is_the_commands_own(name: str) -> None:
    """The list of commands is written by hand so that it need not import them; it may not drift."""
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert command.get_short_help_str(200) == COMMANDS[name][1]


def generator() -> ModuleType:
    """scripts/docs.py, which is no part of the package."""
    spec = importlib.util.spec_from_file_location("docs", ROOT / "scripts/docs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["README.md", "docs/configuration.md", "docs/format.md"])
def test_what_the_docs_say_of_snapshot_options_and_format_is_so(name: str) -> None:
    """A pass' snapshot, every option of every command, every field: `make docs` would write the same."""
    module, text = generator(), (ROOT / name).read_text()
    assert module.filled(text, module.GENERATED[name]()) == text, "run: make docs"


@pytest.mark.parametrize("path", sorted((ROOT / "docs").glob("*.md")), ids=lambda path: path.name)
def test_every_command_of_the_docs_parses(path: Path) -> None:
    """Also those between backquotes in a text, as far as they name what they need."""
    text = path.read_text()
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL))
    for line in (re.split(r"#| > ", line)[0].strip() for line in blocks.splitlines() if line.startswith("nodetally ")):
        words = shlex.split(line)[1:]
        command = cli.get_command(click.Context(cli), words[0])
        assert command is not None, line
        resolve(command, words[1:])


@pytest.mark.parametrize("path", PROSE, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_of_the_docs_leads_somewhere(path: Path) -> None:
    """To a file of the repository, and to a heading that is in it."""
    for target, anchor in re.findall(r"\]\(([^)#:]*)(?:#([^)]+))?\)", path.read_text()):
        there = path.parent / target if target else path
        assert there.exists(), target
        assert not anchor or anchor in anchors(there.read_text()), f"{target}#{anchor}"


@pytest.mark.parametrize(("typed", "meant"), [("rnu", "run"), ("shwo", "show")])
def test_a_mistyped_command_is_told_the_one_that_was_meant(
    typed: str, meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Though no command is imported for it."""
    with pytest.raises(SystemExit) as end:
        main([typed])
    assert end.value.code == 2
    assert f"Did you mean {meant!r}?" in capsys.readouterr().err
