"""What a function is given, and what it keeps from call to call: `run`'s options, the store's client, warm caches."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from nodetally.cli.run import run
from nodetally.collect import warm_cache
from nodetally.errors import WrongUse
from nodetally.settings import CACHE_OFF, Settings
from nodetally.store.open import open_store

if TYPE_CHECKING:
    from nodetally.cache import Warm

opener = cache(open_store)
_warm: dict[tuple[str, str], "Warm"] = {}


@contextmanager
def run_options(arguments: Sequence[str] = (), *, incomplete: bool = False) -> Iterator[click.Context]:
    """The options of `nodetally run`: arguments, else NODETALLY_… variables. Raises WrongUse, also without a store.

    `incomplete`: they need not be enough for a pass.
    """
    with as_wrong_use(), run.make_context("nodetally run", [*arguments], resilient_parsing=incomplete) as parsed:
        if parsed.get_parameter_source("store") is ParameterSource.DEFAULT:
            raise WrongUse("no store", hint="set NODETALLY_STORE=s3://bucket/prefix in the function's environment")
        yield parsed


@contextmanager
def as_wrong_use() -> Iterator[None]:
    """What click says of options, as an error of ours."""
    try:
        yield
    except click.ClickException as error:
        raise WrongUse(error.format_message(), hint="set it in the function's environment, or in the event") from error


def warm_of(settings: Settings) -> "Warm | None":
    """The cache of the calls before, if this function was called before."""
    if settings.cache == CACHE_OFF:
        return None
    key = settings.cluster, settings.cache
    if key not in _warm:
        made = warm_cache(settings, opener)
        if made is None:
            return None
        _warm[key] = made
    return _warm[key]
