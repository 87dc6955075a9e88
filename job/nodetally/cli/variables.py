"""NODETALLY_… variables that no option has, so that a misspelt line of a ConfigMap is not ignored without a word."""

from collections.abc import Iterable, Iterator

import click


def unknown_variables(given: Iterable[str], command: click.Command) -> list[str]:
    """Those of `given` that neither this command nor another one reads; the others are loaded only if they must be."""
    left = set(given) - set(_variables(command))
    if left:
        from nodetally.cli.main import cli

        context = click.Context(cli)
        for name in cli.list_commands(context):
            if (each := cli.get_command(context, name)) is not None:
                left -= set(_variables(each))
    return sorted(left)


def _variables(command: click.Command) -> Iterator[str]:
    """Of its options, and of its commands'."""
    for each in command.params:
        yield from [each.envvar] if isinstance(each.envvar, str) else each.envvar or ()
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            yield from _variables(inner)
