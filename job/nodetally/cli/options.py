"""Options that mean the same in every command, each with its NODETALLY_… variable."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def option(*names: str, **settings: Any) -> Callable[[Command], Command]:
    """A click option whose environment variable is NODETALLY_ and its long name."""
    long_name = next(name for name in names if name.startswith("--")).split("/")[0]
    settings.setdefault("envvar", "NODETALLY_" + long_name.lstrip("-").upper().replace("-", "_"))
    settings.setdefault("show_envvar", True)
    return click.option(*names, **settings)


def together(*options: Callable[[Any], Any]) -> Callable[[Command], Command]:
    """Several options as one, in the order in which --help shows them."""

    def add(command: Command) -> Command:
        for each in reversed(options):
            command = each(command)
        return command

    return add


def format_option(command: str, *choices: str, says: str = "How it is printed.") -> Callable[[Command], Command]:
    """How a command prints; the first choice is the default. Its variable is the command's own."""
    return option(
        "--format",
        "format_",
        envvar=f"NODETALLY_{command}_FORMAT",
        type=click.Choice(choices),
        default=choices[0],
        show_default=True,
        help=says,
    )


def cluster_option(command: Command) -> Command:
    return option("--cluster", metavar="NAME", required=True, help="The cluster's name in the store.")(command)


def store_option(command: Command) -> Command:
    return option(
        "--store",
        metavar="URL",
        default="./nodetally-data",
        show_default=True,
        help="Where snapshots are: s3://bucket/prefix, or a directory.",
    )(command)
