"""The exception tree and its exit codes; every error says what happened, where, and what to do next.

NodetallyError                 1  a bug, unless a subclass says otherwise
├── Unexpected                 1  a bug, met in the pass of one of several clusters
├── WrongUse                   2  wrong use or settings
├── ClusterError               3  the cluster could not be read in full
│   ├── ClusterRefused         4  401 or 403
│   └── ObjectUnreadable       3  an object or quantity that cannot be read, named
├── StoreError                 5  the store could not be read or written
├── DamageFound                6  `store verify` or `store repair` found damage that is still there
└── StatusFound                7  `status` found a cluster whose latest snapshot is too old or partial
"""

from collections.abc import Iterator
from contextlib import contextmanager


class NodetallyError(Exception):
    """What went wrong and where (the message), and what to do next (`hint`, may be empty)."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class WrongUse(NodetallyError):
    """An option, a setting or a name that cannot be right; nothing was read or written."""

    exit_code = 2


class ClusterError(NodetallyError):
    """The cluster could not be read in full; nothing was published."""

    exit_code = 3


class ClusterRefused(ClusterError):
    """The cluster answered 401 or 403: not the same as not there."""

    exit_code = 4


class ObjectUnreadable(ClusterError):
    """One object of the cluster cannot be read; the message names object, field and text."""


class StoreError(NodetallyError):
    """The store could not be read or written; a slot that is already there is not an error."""

    exit_code = 5


class DamageFound(NodetallyError):
    """The store was read, and something in it is wrong; it was listed before this was raised."""

    exit_code = 6


class StatusFound(NodetallyError):
    """The store was read, and the latest snapshot of a cluster is too old, partial or missing."""

    exit_code = 7


class Unexpected(NodetallyError):
    """A bug, met in the pass of one of several clusters: the others have theirs all the same."""


@contextmanager
def isolated(*, several: bool) -> Iterator[None]:
    """Where several passes are made, a bug in one is an error of that one; alone, it ends as a traceback."""
    try:
        yield
    except NodetallyError:
        raise
    except Exception as error:
        if not several:
            raise
        hint = "a bug: run it for this cluster alone, and report the traceback"
        raise Unexpected(f"{type(error).__name__}: {error}", hint=hint) from error
