"""`make docs`: writes the parts of README and docs/ that the program knows: a snapshot, its format, the options.

They stand between two marks; a test writes them again and compares.
"""

import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from nodetally.cli.main import COMMANDS, cli
from nodetally.collect import run_pass
from nodetally.settings import Settings, Surroundings
from nodetally.simulate.cluster import SimulatedCluster
from nodetally.simulate.server import serving
from nodetally.snapshot import SCHEMA_FILE, decode

ROOT = Path(__file__).parent.parent
WIDTH = 200  # of a line of JSON
MARKS = re.compile(r"(<!-- written by make docs -->\n).*(<!-- to here -->)", re.DOTALL)
Schema = Mapping[str, Any]


def main() -> None:
    """Write every generated part."""
    for name, make in GENERATED.items():
        path = ROOT / name
        path.write_text(filled(path.read_text(), make()))


def filled(text: str, part: str) -> str:
    """A document with its generated part replaced."""
    made, count = MARKS.subn(lambda marks: f"{marks[1]}\n{part}\n{marks[2]}", text)
    if count != 1:
        raise ValueError("a document needs the two marks, once")
    return made


def example() -> str:
    """A real pass over a simulated cluster, cut to one node, two resources and what is the same each time."""
    with serving(SimulatedCluster(nodes=3, pods=60, seed=5)) as server, tempfile.TemporaryDirectory() as folder:
        settings = Settings(cluster="prod-eu-1", kubeconfig=str(server.write_kubeconfig(Path(folder, "kubeconfig"))))
        at = datetime(2026, 11, 23, 12, tzinfo=UTC)
        document = decode(run_pass(settings, Surroundings.read({}), clock=lambda: at, store=False).body)
    head = ("schema", "cluster", "taken_at", "slot", "trigger", "source")
    node, totals = document["nodes"][0], document["totals"]
    for each in (node, totals):
        each["resources"] = {name: each["resources"][name] for name in ("cpu", "memory")}
    cut = {name: document[name] for name in head} | {"nodes": [node], "totals": totals}
    return f"```json\n{in_lines(cut)}\n```"


def in_lines(value: Any, indent: str = "") -> str:
    """JSON with each object or list on one line, where it fits and is not the whole."""
    line = json.dumps(value)
    if not isinstance(value, dict | list) or (indent and len(indent) + len(line) <= WIDTH):
        return line
    deeper = indent + "  "
    if isinstance(value, list):
        lines, marks = [deeper + in_lines(each, deeper) for each in value], "[]"
    else:
        lines, marks = [f"{deeper}{json.dumps(name)}: {in_lines(each, deeper)}" for name, each in value.items()], "{}"
    return ",\n".join(lines).join((f"{marks[0]}\n", f"\n{indent}{marks[1]}"))


def options() -> str:
    """A table of options for each command, with its variable and default."""
    return "\n".join(line for name in COMMANDS for line in _command(cli, name, f"nodetally {name}"))


def _command(group: click.Group, name: str, title: str) -> Iterator[str]:
    context = click.Context(group)
    command = group.get_command(context, name)
    if command is None:
        raise ValueError(f"no command {title}")
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            yield from _command(command, inner, f"{title} {inner}")
        return
    yield from (f"## {title}", "", command.get_short_help_str(300), "")
    yield from ("| option | variable | default | |", "|---|---|---|---|")
    for each in command.params:
        if isinstance(each, click.Option) and not each.hidden:
            yield _option(each, click.Context(command))
    yield ""


def _option(option: click.Option, context: click.Context) -> str:
    names = [*option.opts, *option.secondary_opts]
    value = "" if option.is_flag else f" {option.make_metavar(context)}"
    default = option.default if option.show_default and option.default not in (None, ()) else ""
    cells = (
        ", ".join(f"`{name}`" for name in names) + (f" `{value.strip()}`" if value else ""),
        f"`{option.envvar}`" if option.envvar else "",
        "required" if option.required else f"`{default}`" if default != "" else "",
        option.help or "",
    )
    return "| " + " | ".join(re.sub(r"\|", r"\\|", cell) for cell in cells) + " |"


def snapshot_format() -> str:
    """The document and its parts, from the whole to the smallest, each with its fields and their kinds."""
    schema = json.loads(SCHEMA_FILE.read_text())
    parts, order = schema["$defs"], ["Snapshot"]
    for name in order:
        order.extend(each for each in _named(parts[name]) if each not in order)
    return "\n".join(line for name in order for line in _part(name, parts[name]))


def _part(name: str, part: Schema) -> Iterator[str]:
    yield from (f"### {name}", "", part["description"], "", "| field | kind |", "|---|---|")
    for field, kind in part["properties"].items():
        since = "" if field in part["required"] else "; came later: older snapshots lack it"
        yield f"| `{field}` | {_kind(kind)}{since} |"
    yield ""


def _named(part: Schema) -> Iterator[str]:
    yield from re.findall(r"#/\$defs/(\w+)", json.dumps(part))


def _kind(kind: Schema) -> str:
    """A kind in words: what it is, what it may hold.

    >>> _kind({"type": ["integer", "null"]}), _kind({"enum": ["a", "b"]})
    ('integer or null', '`"a"`, `"b"`')
    """
    if "$ref" in kind:
        name = kind["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "enum" in kind or "const" in kind:
        return ", ".join(f"`{json.dumps(each)}`" for each in kind.get("enum", [kind.get("const")]))
    if kind.get("type") == "array":
        return f"list of {_kind(kind['items'])}"
    if kind.get("type") == "object":
        return f"object: by name, {_kind(kind['additionalProperties'])}"
    types: list[str] = kind["type"] if isinstance(kind["type"], list) else [kind["type"]]
    time: dict[str, str] = {"string": "time in UTC, such as `2026-11-23T12:00:03Z`"} if "pattern" in kind else {}
    return " or ".join(time.get(each, each) for each in types)


GENERATED = {"README.md": example, "docs/configuration.md": options, "docs/format.md": snapshot_format}

if __name__ == "__main__":
    main()
