"""Where the API server is and how to prove who we are: settings and surroundings → Access. Opens no connection."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from nodetally.errors import ClusterError, WrongUse
from nodetally.settings import Settings, Surroundings


@dataclass(frozen=True)
class Access:
    """Everything needed to open a verified connection. Certificates are PEM text."""

    server: str
    ca: str | None = None  # None: the system's authorities
    verify: bool = True
    certificate: str | None = None
    key: str | None = None
    authorization: Callable[[], str | None] = lambda: None  # asked before every request: tokens rotate
    server_name: str | None = None
    proxy: str | None = None
    origin: str = ""  # for messages: which file and context, or "service account"


def find_access(settings: Settings, around: Surroundings) -> Access:
    """--eks, else as kubectl does: --kubeconfig, $KUBECONFIG, the service account of the pod we run in, ~/.kube/config.

    Without a proxy-url of its own, an https server is reached through $HTTPS_PROXY, unless $NO_PROXY has it.
    """
    access = _chosen_access(settings, around)
    proxy = access.proxy or (around.https_proxy if access.server.startswith("https:") else None)
    if not proxy:
        return access
    from nodetally.cluster.proxies import checked_proxy, is_excepted  # 10 ms that only a proxy is worth

    if not access.proxy and is_excepted(access.server, around.no_proxy):
        return access
    return replace(access, proxy=checked_proxy(proxy))


def _chosen_access(settings: Settings, around: Surroundings) -> Access:
    if settings.eks:
        if settings.kubeconfig or settings.context:
            raise WrongUse("--eks is another way to a cluster than --kubeconfig and --context", hint="give one of them")
        from nodetally.cluster.eks import eks_access  # an AWS client only where it is asked for

        return eks_access(settings.eks, settings.eks_endpoint, settings.eks_ca)
    chosen = settings.kubeconfig or around.kubeconfig
    home = around.home / ".kube" / "config"
    if chosen is None and around.service_host and not home.exists():
        return in_cluster(around)
    path = chosen or str(home)
    if not any(Path(each).exists() for each in path.split(":")):
        raise WrongUse(
            f"no kubeconfig at {path}, and not inside a cluster",
            hint="give --kubeconfig FILE, or --dump FILE made by: kubectl get nodes,pods -A -o json",
        )
    from nodetally.cluster.kubeconfig import from_kubeconfig  # a job inside a cluster has none

    return from_kubeconfig(path, settings.context)


def in_cluster(around: Surroundings) -> Access:
    """The pod's service account; its token is read again for every request, because the kubelet rotates it."""
    folder = around.service_account
    host = f"[{around.service_host}]" if ":" in str(around.service_host) else around.service_host
    token = folder / "token"
    return Access(
        server=f"https://{host}:{around.service_port}",
        ca=read_text(folder / "ca.crt"),
        authorization=lambda: f"Bearer {read_text(token).strip()}",
        origin="service account",
    )


def read_text(path: Path) -> str:
    """A file that access rests on. Raises ClusterError: it may be there the next time."""
    try:
        return path.read_text()
    except OSError as error:
        raise ClusterError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ClusterError(f"{path} cannot be read: it is not text: {error.reason}") from error
