"""Passes made by the image as the CronJob makes them: a service account, a bucket, and an identity from the cloud."""

import base64
import gzip
import json
import os
import pty
import signal
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from clusters import node, pod
from identity import TOKEN, Issuer, issuing
from images import BUCKET, Image
from manifests import cronjob, pod_spec
from nodetally.simulate.cluster import SimulatedCluster
from nodetally.simulate.server import Simulator, serving
from nodetally.store.s3 import S3Store
from servers import S3Server

ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
AWS = "/var/run/secrets/aws"
PATIENCE = 8  # seconds for a moment: a connection that stands still is given up after ten
CRONJOB = cronjob()
[CONTAINER] = pod_spec(CRONJOB)["containers"]
QUICKLY = [each if not each.startswith("--jitter") else "--jitter=1ms" for each in CONTAINER["args"]]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Simulator]:
    objects = [node("a", cpu="4", memory="8Gi"), pod("p", "a", cpu="250m", memory="1Gi"), pod("q", "a", cpu="1")]
    with serving(SimulatedCluster.of(objects), tls=True, token=TOKEN) as simulator:
        yield simulator


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with issuing() as server:
        yield server


@pytest.fixture
def account(cluster: Simulator, tmp_path: Path) -> dict[str, Path]:
    """The service account's folder, as the kubelet mounts it; AWS' token beside it."""
    folder, aws = tmp_path / "account", tmp_path / "aws"
    for each in (folder, aws):
        each.mkdir()
        (each / "token").write_text(TOKEN)
    assert cluster.certificates is not None
    (folder / "ca.crt").write_bytes(cluster.certificates.authority)
    return {ACCOUNT: folder, AWS: aws}


def surroundings(cluster: Simulator, server: S3Server, prefix: str, **more: str) -> dict[str, str]:
    """What the kubelet and the ConfigMap set; no key of the bucket."""
    host, port = cluster.server_address[:2]
    settings = {
        **CRONJOB["ConfigMap"]["data"],
        "NODETALLY_STORE": f"s3://{BUCKET}/{prefix}",
        "NODETALLY_USAGE": "false",
    }
    api = {"KUBERNETES_SERVICE_HOST": str(host), "KUBERNETES_SERVICE_PORT": str(port)}
    return {**settings, **api, "AWS_ENDPOINT_URL_S3": server.endpoint, "AWS_REGION": "us-east-1", **more}


def keys(server: S3Server) -> dict[str, str]:
    return {name: value for name, value in server.environment.items() if "KEY" in name}


def stored(server: S3Server, prefix: str) -> dict[str, object]:
    """The one snapshot that is there."""
    store = S3Store(BUCKET, prefix, environment=server.environment)
    [entry] = store.list("snapshots/")
    found = store.get(entry.key)
    assert found is not None
    document: dict[str, object] = json.loads(gzip.decompress(found.body))
    return document


def ways(issuer: Issuer) -> Mapping[str, Mapping[str, str]]:
    """What EKS' webhooks set on a pod, by the way that the identity comes."""
    role = "arn:aws:iam::111122223333:role/nodetally"
    return {
        "STS": {
            "AWS_ROLE_ARN": role,
            "AWS_WEB_IDENTITY_TOKEN_FILE": f"{AWS}/token",
            "AWS_ENDPOINT_URL_STS": issuer.url,
        },
        "Pod Identity": {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{issuer.url}/v1/credentials",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": f"{AWS}/token",
        },
    }


@pytest.mark.parametrize("way", ["STS", "Pod Identity"])
def test_a_pass_by_service_account_and_cloud_identity(
    image: Image,
    cluster: Simulator,
    s3_server: S3Server,
    issuer: Issuer,
    account: dict[str, Path],
    tmp_path: Path,
    way: str,
) -> None:
    """The CronJob's own args; every number is there, by no key that stands anywhere."""
    prefix = way.replace(" ", "-")
    environment = surroundings(cluster, s3_server, prefix, **ways(issuer)[way])
    done = image.run(*QUICKLY, environment=environment, mounts=account, scratch=tmp_path)
    assert done.returncode == 0, done.stderr
    assert set(issuer.asked) == {way}
    document = stored(s3_server, prefix)
    assert document["cluster"] == "my-cluster"
    totals = document["totals"]
    assert isinstance(totals, dict)
    assert totals["resources"]["cpu"]["requests"] == 1250


def test_it_ends_when_the_kubelet_asks(image: Image, account: dict[str, Path], tmp_path: Path) -> None:
    """It is its container's first process, which the kernel keeps every signal from that has no handler."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host, port = silent.getsockname()
        settings = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": str(port), "NODETALLY_STORE": "/data"}
        command = ["run", "--cluster=c", "--dry-run"]
        with image.first_process(*command, environment=settings, mounts=account, scratch=tmp_path) as process:
            connection, _ = silent.accept()
            [child] = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            os.kill(int(child), signal.SIGTERM)
            said = process.communicate(timeout=PATIENCE)[1]
            connection.close()
    assert (process.returncode, said) == (
        143,
        "Ended by SIGTERM before it was done. Nothing is half-written: run it again.\n",
    )


def test_a_cache_is_kept_in_s3_between_passes(
    image: Image, cluster: Simulator, s3_server: S3Server, account: dict[str, Path], tmp_path: Path
) -> None:
    """The second pass resumes the watch."""
    cached = {**keys(s3_server), "NODETALLY_CACHE": f"s3://{BUCKET}/cached"}
    for prefix in ("first", "second"):
        environment = surroundings(cluster, s3_server, prefix, **cached)
        done = image.run(*QUICKLY, environment=environment, mounts=account, scratch=tmp_path)
        assert done.returncode == 0, done.stderr
    source = stored(s3_server, "second")["source"]
    assert isinstance(source, dict)
    assert (source["kind"], source["reason"]) == ("resume", None)


def test_eks_by_name_needs_no_kubeconfig(image: Image, s3_server: S3Server, tmp_path: Path) -> None:
    """The token is signed with what is left of the AWS client's descriptions."""
    objects = [node("a", cpu="4")]
    with serving(SimulatedCluster.of(objects), tls=True) as simulator:
        assert simulator.certificates is not None
        authority = base64.b64encode(simulator.certificates.authority).decode()
        where = ["--eks=prod", f"--eks-endpoint={simulator.url}", f"--eks-ca={authority}"]
        environment = {**keys(s3_server), "AWS_REGION": "eu-west-1"}
        done = image.run(
            "run", "--cluster=c", "--dry-run", "--no-usage", *where, environment=environment, scratch=tmp_path
        )
    assert done.returncode == 0, done.stderr
    assert "1 nodes, 0 pods" in done.stderr


def test_the_page_can_be_published(image: Image, s3_server: S3Server, tmp_path: Path) -> None:
    """As the chart's hook does it."""
    environment = {
        "AWS_ENDPOINT_URL_S3": s3_server.endpoint,
        "NODETALLY_STORE": f"s3://{BUCKET}/page",
        **keys(s3_server),
    }
    done = image.run("dashboard", "publish", environment={**environment, "AWS_REGION": "us-east-1"}, scratch=tmp_path)
    assert done.returncode == 0, done.stderr
    assert S3Store(BUCKET, "page", environment=s3_server.environment).get("index.html") is not None


def test_a_kubeconfig_with_a_plugin_is_told_what_is_missing(image: Image, tmp_path: Path) -> None:
    """Exit code 2, the package by name, and the ways around it."""
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "aws", "interactiveMode": "Never"}}
    config = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "u", "user": user}],
    }
    folder = tmp_path / "config"
    folder.mkdir()
    (folder / "config").write_text(json.dumps(config))
    done = image.run(
        "run", "--cluster=c", "--kubeconfig=/etc/kube/config", mounts={"/etc/kube": folder}, scratch=tmp_path
    )
    assert done.returncode == 2
    assert "the Python package `kubernetes` reads it, which is not installed here" in done.stderr
    assert "Hint: use the pod's service account" in done.stderr


def test_a_kubeconfig_with_a_certificate_needs_no_disk(image: Image, cluster: Simulator, tmp_path: Path) -> None:
    """OpenSSL reads key and certificate from files only, and nothing can be written in a restricted pod."""
    host, port = cluster.server_address[:2]
    made = cluster.certificates
    assert made is not None
    authority, certificate, key = (
        base64.b64encode(each).decode() for each in (made.authority, made.certificate, made.key)
    )
    server = {"server": f"https://{host!s}:{port}", "certificate-authority-data": authority}
    user = {"client-certificate-data": certificate, "client-key-data": key, "token": TOKEN}
    config = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": server}],
        "users": [{"name": "u", "user": user}],
    }
    folder = tmp_path / "config"
    folder.mkdir()
    (folder / "config").write_text(json.dumps(config))
    command = ["run", "--cluster=c", "--dry-run", "--no-usage", "--kubeconfig=/etc/kube/config"]
    done = image.run(*command, mounts={"/etc/kube": folder}, scratch=tmp_path)
    assert done.returncode == 0, done.stderr


def test_a_table_needs_no_colours(image: Image, cluster: Simulator, account: dict[str, Path], tmp_path: Path) -> None:
    """On a terminal too, where another installation would colour it."""
    host, port = cluster.server_address[:2]
    environment = {"KUBERNETES_SERVICE_HOST": str(host), "KUBERNETES_SERVICE_PORT": str(port), "TERM": "xterm-256color"}
    ours, theirs = pty.openpty()
    command = ["nodetally", "show", "--live", "--no-usage"]
    done = image.execute(command, environment, account, scratch=tmp_path, stdout=theirs)
    shown = os.read(ours, 1 << 16).decode()
    os.close(theirs)
    os.close(ours)
    assert done.returncode == 0, done.stderr
    assert "NODE" in shown.upper()
    assert "\x1b[3" not in shown
