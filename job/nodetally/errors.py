"""The exception tree and its exit codes; every error says what happened, where, and what to do next.

NodetallyError                 1  a bug, unless a subclass says otherwise
├── WrongUse                   2  wrong use or settings
├── ClusterError               3  the cluster could not be read in full
│   ├── ClusterRefused         4  401 or 403
│   └── ObjectUnreadable       3  an object or quantity that cannot be read, named
├── StoreError                 5  the store could not be read or written
├── DamageFound                6  `store verify` or `store repair` found damage that is still there
└── StatusFound                7  `status` found a cluster whose latest snapshot is too old or partial
"""


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
