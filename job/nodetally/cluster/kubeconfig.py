"""A kubeconfig in, Access out.

One with nothing but certificates and tokens is read here; everything else (exec plugins, OIDC, several files, basic
auth) is the `kubernetes` package's job. It is imported only then: the import alone takes half the time and more memory
than a whole pass over 10,000 pods (benchmarks/README.md).
"""

import base64
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from nodetally.cluster.access import Access, read_text
from nodetally.errors import ClusterError, WrongUse

if TYPE_CHECKING:
    from kubernetes.client import Configuration

Json = Mapping[str, Any]
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


def from_kubeconfig(path: str, context: str | None) -> Access:
    """Read a kubeconfig here if it is plain, else through the `kubernetes` package. Raises WrongUse with the fix."""
    if ":" not in path:
        config = _load(Path(path))
        name = context or str(config.get("current-context") or "")
        chosen = _named(config, "context", name, path)
        cluster = _named(config, "cluster", str(chosen.get("cluster", "")), path)
        user_name = str(chosen.get("user") or "")
        user = _named(config, "user", user_name, path) if user_name else {}
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
            return f"Bearer {read_text(path.parent / str(token_file)).strip()}"
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
        server_name=_text(cluster.get("tls-server-name")),
        proxy=_text(cluster.get("proxy-url")),
        origin=f"context {name!r} of {path}",
    )


def _text(value: object) -> str | None:
    return str(value) if value else None


def _through_kubernetes(path: str, context: str | None, *, logs_in: bool) -> Access:
    """`logs_in`: the user must come out with a token or certificate, or the plugin that makes it has failed."""
    loaded = _loaded_by_kubernetes(path, context)
    if logs_in and not loaded.auth_settings() and not loaded.cert_file:
        raise WrongUse(
            f"the login plugin of kubeconfig {path} gave no token or certificate",
            hint="see what it says with: kubectl get nodes",
        )

    def authorization() -> str | None:
        told = loaded.auth_settings().get("BearerToken")  # runs the plugin again when its token expired
        return str(told["value"]) if told and told["value"] else None

    def file(name: str | None) -> str | None:
        return read_text(Path(name)) if name else None

    return Access(
        server=str(loaded.host).rstrip("/"),
        ca=file(loaded.ssl_ca_cert),
        verify=bool(loaded.verify_ssl),
        certificate=file(loaded.cert_file),
        key=file(loaded.key_file),
        authorization=authorization,
        server_name=_text(getattr(loaded, "tls_server_name", None)),
        proxy=_text(loaded.proxy),
        origin=f"context {context or 'current'!r} of {path}",
    )


def _loaded_by_kubernetes(path: str, context: str | None) -> "Configuration":
    logging.getLogger().addHandler(logging.NullHandler())  # the package logs a plugin's failure and goes on without it
    try:
        from kubernetes.client import Configuration
        from kubernetes.config import load_kube_config
    except ModuleNotFoundError as error:  # the image leaves it out: it is seven times the size of all the rest
        raise WrongUse(
            f"kubeconfig {path} needs more than tokens and certificates: the Python package `kubernetes` reads it, "
            "which is not installed here",
            hint="use the pod's service account, --eks, a kubeconfig with a token, or: pip install kubernetes",
        ) from error
    configuration = Configuration()
    configuration.proxy = None  # what HTTPS_PROXY and NO_PROXY say is found in one place, for every kubeconfig
    try:
        load_kube_config(  # type: ignore[no-untyped-call]
            config_file=path, context=context, client_configuration=configuration, persist_config=False
        )
    except Exception as error:  # its own, YAML's, and whatever a file of another shape leads to
        what = str(error) or type(error).__name__
        raise WrongUse(f"kubeconfig {path}: {what}", hint="check it with: kubectl config view --minify") from error
    return configuration


def _has_port(server: str) -> bool:
    """Whether the address can be taken apart: its port, if any, is a number."""
    try:
        return urlsplit(server).port != 0
    except ValueError:
        return False


def _load(path: Path) -> Json:
    try:
        text = read_text(path)
    except ClusterError as error:
        raise WrongUse(f"kubeconfig {error}") from error
    try:
        config = json.loads(text) if text.lstrip().startswith("{") else _yaml(text)
    except (ValueError, RecursionError) as error:
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
    """What the file holds of the context, cluster or user with this name."""
    listed = config.get(f"{kind}s")
    entries = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    for each in entries:
        if each.get("name") == name:
            found = each.get(kind) or {}
            if not isinstance(found, dict):
                raise WrongUse(f"kubeconfig {path}: its {kind} {name!r} is no object")
            return found
    known = ", ".join(str(each.get("name")) for each in entries) or "none"
    raise WrongUse(f"kubeconfig {path} has no {kind} named {name!r}", hint=f"{kind}s there: {known}")


def _pem(path: Path, owner: Json, key: str) -> str | None:
    if owner.get(f"{key}-data"):
        try:
            return base64.b64decode(str(owner[f"{key}-data"]), validate=True).decode()
        except ValueError as error:
            raise WrongUse(f"{key}-data in {path} is not base64 of PEM text: {error}") from error
    return read_text(path.parent / str(owner[key])) if owner.get(key) else None
