"""Kubeconfigs and service accounts: who we are, read as kubectl reads it."""

import base64
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from nodetally.cluster.access import Access, find_access, in_cluster
from nodetally.cluster.kubeconfig import from_kubeconfig
from nodetally.errors import ClusterError, WrongUse
from nodetally.settings import Settings, Surroundings

CA = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


def config(user: dict[str, Any] | None = None, **cluster: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "one",
        "contexts": [{"name": "one", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": "https://10.0.0.1:6443", **cluster}}],
        "users": [{"name": "u", "user": user or {}}],
    }


def write(folder: Path, document: object) -> str:
    path = folder / "config"
    path.write_text(json.dumps(document))
    return str(path)


def surroundings(home: Path, **known: Any) -> Surroundings:
    plain: dict[str, Any] = {"kubeconfig": None, "home": home, "service_host": None, "service_port": "443"}
    return Surroundings(**{**plain, "service_account": home / "sa", "https_proxy": None, "no_proxy": "", **known})


def same(ours: Access, theirs: Access) -> bool:
    """Equal in all that decides a connection; the tokens by what they say now."""
    keys = ("server", "ca", "verify", "certificate", "key", "server_name")
    told = ours.authorization() == theirs.authorization()
    return told and all(getattr(ours, key) == getattr(theirs, key) for key in keys)


@pytest.mark.parametrize(
    ("user", "cluster"),
    [
        ({"token": "abc"}, {"certificate-authority-data": base64.b64encode(CA.encode()).decode()}),
        ({"token": "abc"}, {"insecure-skip-tls-verify": True}),
        (
            {
                "client-certificate-data": base64.b64encode(b"CERT\n").decode(),
                "client-key-data": base64.b64encode(b"KEY\n").decode(),
            },
            {"certificate-authority-data": base64.b64encode(CA.encode()).decode(), "tls-server-name": "api.internal"},
        ),
        ({}, {}),
    ],
    ids=["token and ca", "unverified", "certificate", "nothing"],
)
def test_a_plain_kubeconfig_is_read_as_the_kubernetes_package_reads_it(
    tmp_path: Path, user: dict[str, Any], cluster: dict[str, Any]
) -> None:
    """Our own short way and the package's long one come to the same connection."""
    path = write(tmp_path, config(user, **cluster))
    ours = from_kubeconfig(path, None)
    theirs = from_kubeconfig(f"{path}:{path}", None)  # several files are the package's job
    assert same(ours, theirs)
    assert ours.server == "https://10.0.0.1:6443"


def test_a_plain_kubeconfig_does_not_import_the_kubernetes_package(tmp_path: Path) -> None:
    """It costs more than a whole pass."""
    import subprocess

    path = write(tmp_path, config({"token": "abc"}))
    code = (
        f"import sys; from nodetally.cluster.kubeconfig import from_kubeconfig; from_kubeconfig({path!r}, None); "
        "sys.exit('kubernetes' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_yaml_and_files_beside_the_kubeconfig(tmp_path: Path) -> None:
    """Relative paths are relative to the kubeconfig; a token file is read again each time."""
    (tmp_path / "ca.crt").write_text(CA)
    (tmp_path / "token").write_text("first\n")
    (tmp_path / "config").write_text(
        "current-context: one\ncontexts: [{name: one, context: {cluster: c, user: u}}]\n"
        "clusters: [{name: c, cluster: {server: 'https://a:1/', certificate-authority: ca.crt}}]\n"
        "users: [{name: u, user: {tokenFile: token}}]\n"
    )
    access = from_kubeconfig(str(tmp_path / "config"), None)
    assert (access.server, access.ca, access.authorization()) == ("https://a:1", CA, "Bearer first")
    (tmp_path / "token").write_text("second")
    assert access.authorization() == "Bearer second"


def test_without_the_kubernetes_package_an_exec_plugin_is_wrong_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in the image: what is missing by name, and the ways around it."""
    monkeypatch.setitem(sys.modules, "kubernetes.client", None)  # as good as not installed
    with pytest.raises(WrongUse, match="`kubernetes` reads it, which is not installed here") as caught:
        from_kubeconfig(write(tmp_path, config({"exec": {"command": "aws"}})), None)
    assert "pip install kubernetes" in caught.value.hint


def test_an_exec_plugin_is_run_by_the_kubernetes_package(tmp_path: Path) -> None:
    """As eks, gke and oidc logins are set up."""
    credential = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "t0p"}}
    plugin = tmp_path / "plugin"
    plugin.write_text(f"#!/bin/sh\necho '{json.dumps(credential)}'\n")
    plugin.chmod(0o700)
    exec_ = {"apiVersion": credential["apiVersion"], "command": str(plugin), "interactiveMode": "Never"}
    access = from_kubeconfig(write(tmp_path, config({"exec": exec_})), None)
    assert access.authorization() == "Bearer t0p"


@pytest.mark.parametrize(
    ("document", "context", "why"),
    [
        (config(), "two", "no context named 'two'"),
        ({**config(), "clusters": []}, None, "no cluster named 'c'"),
        (config(server=""), None, "names no server"),
        (config({"as": "admin"}), None, "impersonates"),
        (config(None, **{"certificate-authority-data": "!"}), None, "not base64"),
        ([], None, "no configuration"),
        ({**config(), "contexts": 3}, None, "no context named 'one'"),
        (config(server="https://a:b"), None, "names no server"),
        (config({"token": "ä"}), None, "no token has"),
        (
            config({"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "/nonexistent"}}),
            None,
            "plugin",
        ),
        ("{", None, "cannot be read"),
    ],
)
def test_a_kubeconfig_that_cannot_be_used_says_why(
    tmp_path: Path, document: object, context: str | None, why: str
) -> None:
    """Exit code 2 with the name that is missing, and those that are there."""
    path = tmp_path / "config"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    with pytest.raises(WrongUse, match=why):
        from_kubeconfig(str(path), context)


def test_inside_a_cluster_the_token_is_read_again_for_every_request(tmp_path: Path) -> None:
    """The kubelet rotates it under our feet."""
    account = tmp_path / "sa"
    account.mkdir()
    (account / "ca.crt").write_text(CA)
    (account / "token").write_text("one\n")
    access = in_cluster(surroundings(tmp_path, service_host="fd00::1"))
    assert (access.server, access.ca) == ("https://[fd00::1]:443", CA)
    assert access.authorization() == "Bearer one"
    (account / "token").write_text("two\n")
    assert access.authorization() == "Bearer two"


def test_the_order_is_kubectls(tmp_path: Path) -> None:
    """The option, then $KUBECONFIG, then the service account, then the home folder's file."""
    given = write(tmp_path, config({"token": "given"}))
    account = tmp_path / "sa"
    account.mkdir()
    (account / "ca.crt").write_text(CA)
    (account / "token").write_text("pod")
    inside = surroundings(tmp_path, service_host="10.0.0.1")
    assert find_access(Settings(kubeconfig=given), inside).authorization() == "Bearer given"
    told = surroundings(tmp_path, service_host="10.0.0.1", kubeconfig=given)
    assert find_access(Settings(), told).authorization() == "Bearer given"
    assert find_access(Settings(), inside).authorization() == "Bearer pod"
    with pytest.raises(WrongUse, match="no kubeconfig"):
        find_access(Settings(), surroundings(tmp_path))


@pytest.mark.parametrize(
    ("server", "no_proxy", "direct"),
    [
        ("https://10.0.0.1:6443", "", False),
        ("https://10.0.0.1:6443", "10.0.0.1", True),
        ("https://10.0.0.1:6443", "*", True),
        ("https://10.0.0.1:6443", "other, 10.0.0.0/8", True),
        ("https://10.0.0.1:6443", "10.0.0.0/33,10.1.0.0/16,fd00::/8", False),
        ("https://10.0.0.1:6443", "10.0.0.1:6443", True),
        ("https://10.0.0.1:6443", "10.0.0.1:443,10.0.0.1:x", False),
        ("https://[fd00::1]:443", "fd00::/8", True),
        ("https://[fd00::1]:443", "fd00::1", True),
        ("https://[fd00::1]", "[fd00::1]:443", True),
        ("https://api.Example.com", "example.com", True),
        ("https://api.example.com", ".example.com", True),
        ("https://api.example.com", "*.EXAMPLE.com", True),
        ("https://api.example.com", "ample.com,.api.example.com", False),
        ("https://127.0.0.1:6443", "", True),
        ("https://localhost:6443", "", True),
    ],
)
def test_a_proxy_of_the_environment_is_used_unless_the_server_is_excepted(
    tmp_path: Path, server: str, no_proxy: str, *, direct: bool
) -> None:
    """As kubectl does: names, addresses, ports, and networks, such as a cluster's services."""
    around = surroundings(tmp_path, https_proxy="http://proxy:3128", no_proxy=no_proxy)
    kubeconfig = write(tmp_path, config(server=server))
    assert find_access(Settings(kubeconfig=kubeconfig), around).proxy == (None if direct else "http://proxy:3128")


def test_the_kubernetes_package_has_no_say_in_proxies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would take HTTPS_PROXY for every server; a kubeconfig's own proxy-url is taken from it."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    around = surroundings(tmp_path, https_proxy="http://proxy:3128", no_proxy="10.0.0.1")
    path = write(tmp_path, config({"token": "abc"}))
    twice = Settings(kubeconfig=f"{path}:{path}")  # several files are the package's job
    assert find_access(twice, around).proxy is None
    write(tmp_path, config({"token": "abc"}, **{"proxy-url": "http://own:1"}))
    assert find_access(twice, surroundings(tmp_path)).proxy == "http://own:1"


@pytest.mark.parametrize(
    ("proxy", "why"),
    [
        ("socks5://u:s3cret@proxy:1080", "socks5://proxy:1080"),
        ("https://proxy", "https://proxy"),
        ("http://p:x", "apart"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_wrong_use(tmp_path: Path, proxy: str, why: str) -> None:
    """Said before a pass asks it in vain, and never with its password; one without a scheme is http, as for curl."""
    path = write(tmp_path, config())
    with pytest.raises(WrongUse, match=why) as caught:
        find_access(Settings(kubeconfig=path), surroundings(tmp_path, https_proxy=proxy))
    assert "s3cret" not in str(caught.value)
    around = surroundings(tmp_path, https_proxy="proxy:3128")
    assert find_access(Settings(kubeconfig=path), around).proxy == "http://proxy:3128"


def test_a_token_that_cannot_be_read_is_a_cluster_error(tmp_path: Path) -> None:
    """Not a crash, and not a request without a token."""
    account = tmp_path / "sa"
    account.mkdir()
    (account / "ca.crt").write_text(CA)
    access = in_cluster(surroundings(tmp_path, service_host="10.0.0.1"))
    with pytest.raises(ClusterError, match="token"):
        access.authorization()
