"""Entry point: finds the command, runs it, turns every error into text on stderr and an exit code."""

import importlib
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import Any

import click

from nodetally import __version__
from nodetally.errors import NodetallyError

# name → (module, one line of help). Commands are imported when asked for: --help must not load a cluster client.
COMMANDS = {
    "run": ("run", "Read the cluster once and store one snapshot."),
    "show": ("show", "Show a snapshot, or the live cluster, as a table, JSON or CSV."),
    "explain": ("explain", "Show where each number of a node or pod comes from."),
    "diff": ("diff", "Show what changed between two snapshots."),
    "history": ("history", "Show peaks, growth and the day it runs out, over days or years."),
    "backfill": ("backfill", "Fill missing slots of the past from dumps, backups or Prometheus."),
    "store": ("store", "Check, repair, thin and list what is stored."),
    "status": ("status", "Tell whether every cluster's latest snapshot is recent and whole."),
    "dashboard": ("dashboard", "Publish the page that shows a store, or serve it on this machine."),
    "policy": ("policy", "Print the IAM policy that a command needs for its bucket."),
    "demo": ("demo", "Try all of it on this machine: simulated clusters, a store, the page."),
    "simulate": ("simulate", "Serve a cluster API on loopback, of a size you choose, until it is stopped."),
}


class OutputClosed(Exception):
    """The reader of our stdout went away."""


class Ended(BaseException):
    """SIGTERM came: a drained node, a Job's deadline, `systemctl stop`."""


class OutputError(NodetallyError):
    """stdout cannot be written: a full disk behind a redirection."""

    exit_code = 5


@contextmanager
def output_told() -> Iterator[None]:
    """click itself would end a closed pipe with exit code 1, and anything else of stdout in a traceback."""
    try:
        yield
    except BrokenPipeError:
        raise OutputClosed from None
    except OSError as error:
        what = f"{error.filename} cannot be used" if error.filename else "the output cannot be written"
        raise OutputError(f"{what}: {error.strerror or error}") from error


class LazyGroup(click.Group):
    """A group that knows its commands' help without importing them."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands.update({name: click.Command(name) for name in COMMANDS})  # for "Did you mean 'run'?" alone

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"nodetally.cli.{COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """--help and --version print from here."""
        with output_told():
            return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        """Everything else does from here."""
        with output_told():
            return super().invoke(ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Exit codes: 0 done, 1 a bug, 2 wrong use, 3 cluster not read in full, 4 cluster refused (401/403), "
    "5 store not read or written, 6 damage found, 7 stale or partial (status).",
)
@click.version_option(__version__, prog_name="nodetally")
def cli() -> None:
    """Tally what pods request on each Kubernetes node; store one immutable snapshot per pass."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with the code that design and README list."""
    _prepare_streams()
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _end)
    try:
        code = cli.main(args=arguments, prog_name="nodetally", standalone_mode=False)
        with output_told():
            sys.stdout.flush()
    except click.exceptions.Abort:
        click.echo("Interrupted.", err=True)
        sys.exit(130)
    except Ended:
        click.echo("Ended by SIGTERM before it was done. Nothing is half-written: run it again.", err=True)
        _end_as_told()
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except NodetallyError as error:
        from nodetally.cli.rendering.text import harmless  # names of the cluster and words of servers are in errors

        click.echo(f"Error: {harmless(str(error))}", err=True)
        if error.hint:
            click.echo(f"Hint: {harmless(error.hint)}", err=True)
        if isinstance(error, OutputError):
            _drop_stdout()
        sys.exit(error.exit_code)
    except (OutputClosed, BrokenPipeError):
        _drop_stdout()
        sys.exit(141)  # as a program that SIGPIPE ends: our reader went away (| head), nothing is wrong
    sys.exit(code if isinstance(code, int) else 0)


def _prepare_streams() -> None:
    """A stream that is closed (>&-) leads nowhere; left closed, a file of the store could get its number.

    What stdout's encoding does not have is spelled out, as on stderr: no traceback.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 -- for good
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _end(*_: object) -> None:
    """Without a handler the kernel keeps SIGTERM from a container's first process, and kills that 30 s later."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    raise Ended


def _end_as_told() -> None:
    """By the signal itself, as a shell and systemd expect it; the kernel spares a container's first process that."""
    os.kill(os.getpid(), signal.SIGTERM)
    sys.exit(128 + signal.SIGTERM)


def _drop_stdout() -> None:
    """Nothing more can be written there: leave nothing that the interpreter would try to flush at its end."""
    sys.stdout = None
