"""--cluster and --context of `run` in, Settings for each cluster out. Reads nothing."""

from collections.abc import Sequence
from dataclasses import replace

from nodetally.cli.options import option, together
from nodetally.errors import WrongUse
from nodetally.settings import Settings
from nodetally.store.layout import CLUSTER_NAME_RULE, is_cluster_name

HINT = "give --cluster NAME, or --context CONTEXT and it is called as its context, or --context NAME=CONTEXT"


clusters_options = together(  # one cluster, or several contexts of the kubeconfig
    option("--cluster", metavar="NAME", help="The cluster's name in the store; without it, that of each --context."),
    option(
        "--context",
        "contexts",
        metavar="[NAME=]CONTEXT",
        multiple=True,
        help="The kubeconfig's context; default: its current one. Repeat it to read several clusters, one after the "
        "other, each stored as NAME (default: the context's name).",
    ),
)


def of_each_cluster(settings: Settings, contexts: Sequence[str]) -> list[Settings]:
    """What is asked of every cluster, once for each. Raises WrongUse where a name is missing, wrong or given twice."""
    if len(contexts) < 2 and not any("=" in each for each in contexts):
        context = contexts[0] if contexts else None
        return [replace(settings, cluster=settings.cluster or _name(context or "", context or ""), context=context)]
    if settings.cluster:
        raise WrongUse(
            f"--cluster {settings.cluster} names one cluster, and --context has names of its own",
            hint="leave out --cluster (and NODETALLY_CLUSTER), and write --context NAME=CONTEXT",
        )
    if settings.dumps or settings.eks:
        raise WrongUse("several clusters are read by their contexts, not by --dump or --eks", hint="run it for each")
    found = [replace(settings, cluster=name, context=context) for name, context in map(_parted, contexts)]
    names = [each.cluster for each in found]
    for name in names:
        if names.count(name) > 1:
            raise WrongUse(f"two clusters would be stored as {name}", hint="write --context NAME=CONTEXT")
    return found


def _parted(text: str) -> tuple[str, str]:
    """NAME=CONTEXT, or a context that is a name: the first = parts them, for no name holds one."""
    name, sign, context = text.partition("=")
    if sign and not context:
        raise WrongUse(f"--context {text}: no context", hint="write --context NAME=CONTEXT")
    return (_name(name, context), context) if sign else (_name(text, text), text)


def _name(name: str, context: str) -> str:
    if not name and not context:
        raise WrongUse("no cluster is named", hint=HINT)
    if not is_cluster_name(name):
        way = f"name it: --context NAME={context}; " if context else ""
        raise WrongUse(f"not a cluster name: {name[:100]!r}", hint=f"{way}a cluster name is {CLUSTER_NAME_RULE}")
    return name
