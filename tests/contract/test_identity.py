"""A pod's identity at AWS that is not set up as it should be: told as that, not as a bucket's or cluster's refusal."""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from clusters import NOWHERE
from identity import TOKEN, Issuer, issuing
from nodetally.cluster.access import find_access
from nodetally.errors import ClusterRefused, StoreError
from nodetally.settings import Settings
from nodetally.store.s3 import S3Store

CA = base64.b64encode(b"-----BEGIN CERTIFICATE-----\n").decode()
CLUSTER = Settings(eks="prod", eks_endpoint="https://127.0.0.1:1", eks_ca=CA)


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with issuing() as server:
        yield server


@pytest.fixture
def token(issuer: Issuer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where the kubelet puts a token; nothing else proves who we are."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    path = tmp_path / "token"
    for name, value in {
        "AWS_REGION": "eu-west-1",
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ROLE_ARN": "arn:aws:iam::111122223333:role/nodetally",
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(path),
        "AWS_ENDPOINT_URL_STS": issuer.url,
    }.items():
        monkeypatch.setenv(name, value)
    return path


def test_a_role_that_does_not_trust_the_pod_is_told_as_that(token: Path) -> None:
    """The first thing to go wrong on a new cluster: it is the role's trust, and no right in the bucket or in EKS."""
    token.write_text("another-accounts-token")
    with pytest.raises(StoreError, match="403 AccessDenied Not authorized to perform sts:Assume") as caught:
        S3Store("bucket").get("a")
    assert caught.value.hint.startswith("let the role's trust policy take who asks")
    for settings in (CLUSTER, Settings(eks="prod")):
        with pytest.raises(ClusterRefused, match="Not authorized to perform sts:Assume") as refused:
            find_access(settings, NOWHERE).authorization()
        assert refused.value.hint.startswith("let the role's trust policy take who asks")


@pytest.mark.parametrize("way", ["STS", "Pod Identity"])
def test_a_token_that_is_not_mounted_is_named(
    token: Path, issuer: Issuer, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """The variables are there, the volume is not."""
    if way == "Pod Identity":
        monkeypatch.delenv("AWS_WEB_IDENTITY_TOKEN_FILE")
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{issuer.url}/v1/credentials")
        monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", str(token))
    with pytest.raises(StoreError, match=f"no credentials: {token}: No such file") as caught:
        S3Store("bucket").get("a")
    assert "mount the token" in caught.value.hint
    for settings in (CLUSTER, Settings(eks="prod")):
        with pytest.raises(ClusterRefused, match="No such file") as refused:
            find_access(settings, NOWHERE).authorization()
        assert "mount the token" in refused.value.hint
    assert issuer.asked == []


def test_a_token_that_is_trusted_is_taken(token: Path, issuer: Issuer) -> None:
    """So that the refusals above are of the token."""
    token.write_text(TOKEN)
    assert str(find_access(CLUSTER, NOWHERE).authorization()).startswith("Bearer k8s-aws-v1.")
    assert issuer.asked == ["STS"]
