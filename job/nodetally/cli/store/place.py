"""Which store and cluster a command is about: the options that all of `nodetally store` take, and the store, opened."""

from nodetally.cli.options import option, store_option, together
from nodetally.errors import WrongUse
from nodetally.store.base import Store

place_options = together(
    option("--cluster", metavar="NAME", help="Only this cluster; default: all in the store."), store_option
)


def opened(url: str, cluster: str | None) -> Store:
    """The store. WrongUse where it holds nothing, or nothing of the cluster: a typing error must not look clean."""
    from nodetally.store import read, walk
    from nodetally.store.open import open_store

    store = open_store(url)
    if cluster is not None and not walk.is_there(store, cluster):  # "": an unset variable, not all clusters
        raise read.no_cluster(store, cluster)
    if not walk.holds_any(store):
        raise WrongUse(f"nothing is stored in {store.url}", hint="correct --store, or let a pass store something")
    return store


def clusters_of(store: Store, cluster: str | None) -> list[str]:
    """The one cluster that was named, or all in the store."""
    from nodetally.store import read

    return read.clusters(store) if cluster is None else [cluster]
