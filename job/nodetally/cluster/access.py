"""Where the API server is and how to prove who we are: kubeconfig or service account → Access. Opens no connection.

A kubeconfig with nothing but certificates and tokens is read here; everything else (exec plugins, OIDC, several files,
basic auth) is the `kubernetes` package's job. It is imported only then: the import alone takes half the time and more
memory than a whole pass over 10,000 pods (benchmarks/README.md).
"""

import base64
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from nodetally.errors import ClusterError, WrongUse
from nodetally.settings import Settings, Surroundings

PLAIN_USER = {"client-certificate", "client-certificate-data", "client-key", "client-key-data", "token", "tokenFile"}
PLAIN_CLUSTER = {
    "server",
    "certificate-authority",
    "certificate-authority-data",
    "insecure-skip-tls-verify",
    "tls-server-name",
    "extensions",
    "disable-compression",
    "proxy-url",
}

Json = Mapping[str, Any]


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
    if access.proxy or not around.https_proxy or not access.server.startswith("https:"):
        return access
    from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]  # 30 ms that only a proxy is worth

    direct = proxy_bypass_environment(urlsplit(access.server).netloc, {"no": around.no_proxy})
    return access if direct else replace(access, proxy=around.https_proxy)


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
    return from_kubeconfig(path, settings.context)


def in_cluster(around: Surroundings) -> Access:
    """The pod's service account; its token is read again for every request, because the kubelet rotates it."""
    folder = around.service_account
    host = f"[{around.service_host}]" if ":" in str(around.service_host) else around.service_host
    token = folder / "token"
    return Access(
        server=f"https://{host}:{around.service_port}",
        ca=_read(folder / "ca.crt"),
        authorization=lambda: f"Bearer {_read(token).strip()}",
        origin="service account",
    )


def from_kubeconfig(path: str, context: str | None) -> Access:
    """Read a kubeconfig here if it is plain, else through the `kubernetes` package. Raises WrongUse with the fix."""
    if ":" not in path:
        config = _load(Path(path))
        name = context or str(config.get("current-context") or "")
        chosen = _named(config, "contexts", name, path).get("context") or {}
        cluster = _named(config, "clusters", str(chosen.get("cluster", "")), path).get("cluster") or {}
        user_name = str(chosen.get("user") or "")
        user = (_named(config, "users", user_name, path).get("user") or {}) if user_name else {}
        if set(user) <= PLAIN_USER and set(cluster) <= PLAIN_CLUSTER:
            return _plain(Path(path), name, cluster, user)
        if {"as", "as-uid", "as-groups", "as-user-extra"} & set(user):
            raise WrongUse(f"user {user_name!r} of {path} impersonates, which is not supported")
        return _through_kubernetes(path, context, logs_in=bool({"exec", "auth-provider"} & set(user)))
    return _through_kubernetes(path, context, logs_in=False)


def _plain(path: Path, name: str, cluster: Json, user: Json) -> Access:
    server = str(cluster.get("server") or "")
    if not server.startswith(("https://", "http://")) or not _has_port(server):
        raise WrongUse(f"context {name!r} of {path} names no server: {server!r}")
    token_file = user.get("tokenFile")
    token = user.get("token")

    def authorization() -> str | None:
        if token_file and not token:
            return f"Bearer {_read(path.parent / str(token_file)).strip()}"
        return f"Bearer {str(token).strip()}" if token else None

    if token and not str(token).strip().isascii():
        raise WrongUse(f"the token of context {name!r} in {path} holds characters that no token has")
    return Access(
        server=server.rstrip("/"),
        ca=_pem(path, cluster, "certificate-authority"),
        verify=not cluster.get("insecure-skip-tls-verify"),
        certificate=_pem(path, user, "client-certificate"),
        key=_pem(path, user, "client-key"),
        authorization=authorization,
        server_name=cluster.get("tls-server-name"),
        proxy=cluster.get("proxy-url"),
        origin=f"context {name!r} of {path}",
    )


def _through_kubernetes(path: str, context: str | None, *, logs_in: bool) -> Access:
    """`logs_in`: the user must come out with a token or certificate, or the plugin that makes it has failed."""
    logging.getLogger().addHandler(logging.NullHandler())  # the package logs a plugin's failure and goes on without it
    try:
        from kubernetes.client import Configuration
        from kubernetes.config import ConfigException, load_kube_config
    except ModuleNotFoundError as error:  # the image leaves it out: it is seven times the size of all the rest
        raise WrongUse(
            f"kubeconfig {path} needs more than tokens and certificates: the Python package `kubernetes` reads it, "
            "which is not installed here",
            hint="use the pod's service account, --eks, a kubeconfig with a token, or: pip install kubernetes",
        ) from error

    configuration = Configuration()
    try:
        load_kube_config(  # type: ignore[no-untyped-call]
            config_file=path, context=context, client_configuration=configuration, persist_config=False
        )
    except (ConfigException, ValueError) as error:
        raise WrongUse(f"kubeconfig {path}: {error}", hint="check it with: kubectl config view --minify") from error
    if logs_in and not configuration.auth_settings() and not configuration.cert_file:
        raise WrongUse(
            f"the login plugin of kubeconfig {path} gave no token or certificate",
            hint="see what it says with: kubectl get nodes",
        )

    def authorization() -> str | None:
        told = configuration.auth_settings().get("BearerToken")  # runs the plugin again when its token expired
        return str(told["value"]) if told and told["value"] else None

    def file(name: str | None) -> str | None:
        return _read(Path(name)) if name else None

    return Access(
        server=str(configuration.host).rstrip("/"),
        ca=file(configuration.ssl_ca_cert),
        verify=bool(configuration.verify_ssl),
        certificate=file(configuration.cert_file),
        key=file(configuration.key_file),
        authorization=authorization,
        server_name=getattr(configuration, "tls_server_name", None),
        proxy=configuration.proxy,
        origin=f"context {context or 'current'!r} of {path}",
    )


def _has_port(server: str) -> bool:
    """Whether the address can be taken apart: its port, if any, is a number."""
    try:
        return urlsplit(server).port != 0
    except ValueError:
        return False


def _load(path: Path) -> Json:
    try:
        text = _read(path)
    except ClusterError as error:
        raise WrongUse(f"kubeconfig {error}") from error
    try:
        config = json.loads(text) if text.lstrip().startswith("{") else _yaml(text)
    except ValueError as error:
        raise WrongUse(f"kubeconfig {path} cannot be read: {error}") from error
    if not isinstance(config, dict):
        raise WrongUse(f"kubeconfig {path} holds no configuration")
    return config


def _yaml(text: str) -> Any:
    try:
        import yaml
    except ModuleNotFoundError as error:
        raise ValueError("it is YAML, and this installation leaves out pyyaml; write it as JSON") from error
    try:
        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 -- both are safe
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


def _named(config: Json, kind: str, name: str, path: str) -> Json:
    listed = config.get(kind) or []
    entries = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    for each in entries:
        if each.get("name") == name:
            return each
    known = ", ".join(str(each.get("name")) for each in entries) or "none"
    what = kind.removesuffix("s")
    raise WrongUse(f"kubeconfig {path} has no {what} named {name!r}", hint=f"{kind} there: {known}")


def _pem(path: Path, owner: Json, key: str) -> str | None:
    if owner.get(f"{key}-data"):
        try:
            return base64.b64decode(owner[f"{key}-data"], validate=True).decode()
        except ValueError as error:
            raise WrongUse(f"{key}-data in {path} is not base64 of PEM text: {error}") from error
    return _read(path.parent / str(owner[key])) if owner.get(key) else None


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError as error:
        raise ClusterError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ClusterError(f"{path} cannot be read: it is not text: {error.reason}") from error
