"""EKS without EKS: the token is taken apart as EKS would, and everything else is asked of a stand-in."""

import base64
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import botocore.session
import pytest
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from moto import mock_aws

from clusters import NOWHERE
from nodetally.cluster.access import find_access
from nodetally.cluster.eks import _Token, eks_access, signed_token, sts_host
from nodetally.errors import ClusterRefused, WrongUse
from nodetally.settings import Settings

ENDPOINT = "https://0123.gr7.eu-west-1.eks.amazonaws.com"
CA = base64.b64encode(b"-----BEGIN CERTIFICATE-----\n").decode()


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI",
        "AWS_SESSION_TOKEN": "session",
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)


def url_of(token: str) -> str:
    prefix, _, text = token.partition("k8s-aws-v1.")
    assert not prefix
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("eu-west-1", "sts.eu-west-1.amazonaws.com"),
        ("us-gov-west-1", "sts.us-gov-west-1.amazonaws.com"),
        ("cn-north-1", "sts.cn-north-1.amazonaws.com.cn"),
        ("eusc-de-east-1", "sts.eusc-de-east-1.amazonaws.eu"),
    ],
)
def test_a_token_is_what_eks_asks_sts_with(region: str, host: str) -> None:
    """The regional host; only these parameters; the cluster's name under the signature, which holds."""
    session = botocore.session.get_session()
    token = signed_token(session, "prod", region)
    url = urlsplit(url_of(token))
    query = {name: values[0] for name, values in parse_qs(url.query).items()}
    assert (url.scheme, url.hostname, url.path) == ("https", host, "/")
    assert (query["Action"], query["Version"], query["X-Amz-Expires"]) == ("GetCallerIdentity", "2011-06-15", "60")
    assert query["X-Amz-SignedHeaders"] == "host;x-k8s-aws-id"
    assert query["X-Amz-Security-Token"] == "session"
    allowed = {"Action", "Version", "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires"}
    assert query.keys() == allowed | {"X-Amz-Security-Token", "X-Amz-SignedHeaders", "X-Amz-Signature"}
    assert len(token) < 4096
    signer = SigV4QueryAuth(session.get_credentials(), "sts", region, expires=60)
    unsigned, _, signature = url.query.rpartition("&X-Amz-Signature=")
    request = AWSRequest("GET", f"https://{host}/?{unsigned}", headers={"x-k8s-aws-id": "prod"})
    request.context["timestamp"] = query["X-Amz-Date"]
    request.headers["host"] = host
    assert signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request) == signature


def test_every_partition_has_its_domain() -> None:
    """China, the isolated ones, the European one: as the AWS client's own data says, of this and of a later release."""
    session = botocore.session.get_session()
    known = session.get_component("data_loader").load_data("endpoints")["partitions"]
    for each in known:
        region = next(iter(each["regions"]))
        assert sts_host(session, region) == f"sts.{region}.{each['dnsSuffix']}"


def test_a_token_is_signed_again_before_it_ends() -> None:
    """By the time of day: a frozen function's other clocks may have stood still. A clock set back signs, too."""
    now = [1_000_000.0]
    made: list[str] = []

    class Counting(_Token):
        def __call__(self) -> str:
            header = super().__call__()
            if header not in made:
                made.append(header)
            return header

    token = Counting(botocore.session.get_session(), "prod", "eu-west-1", lambda: now[0])
    token()
    token._header = "Bearer first"
    for at, fresh in ((599, False), (601, True)):
        now[0] = 1_000_000.0 + at
        assert (token() != "Bearer first") is fresh
    token._header = "Bearer second"
    now[0] = 0
    assert token() != "Bearer second"


def test_with_endpoint_and_authority_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A function in a network without a way to AWS: no client is even made."""
    monkeypatch.setattr("botocore.session.Session.create_client", lambda *_, **__: pytest.fail("a client"))
    access = find_access(Settings(eks="prod", eks_endpoint=f"{ENDPOINT}/", eks_ca=CA), NOWHERE)
    assert (access.server, access.ca, access.verify) == (ENDPOINT, "-----BEGIN CERTIFICATE-----\n", True)
    assert str(access.authorization()).startswith("Bearer k8s-aws-v1.")
    assert "wJalrXUtnFEMI" not in url_of(str(access.authorization())[len("Bearer ") :])


@mock_aws
def test_eks_tells_the_endpoint_and_the_authority(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked once; moto's own authority is no certificate, so it is replaced on its way."""
    session = botocore.session.get_session()
    vpc: dict[str, Any] = {"subnetIds": ["subnet-1", "subnet-2"], "securityGroupIds": ["sg-1"]}
    session.create_client("eks").create_cluster(
        name="prod", roleArn="arn:aws:iam::123456789012:role/r", resourcesVpcConfig=vpc
    )

    def with_certificate(parsed: dict[str, Any], **_: object) -> None:
        parsed["cluster"]["certificateAuthority"] = {"data": CA}

    session.get_component("event_emitter").register("after-call.eks.DescribeCluster", with_certificate)
    monkeypatch.setattr("botocore.session.get_session", lambda *_: session)
    access = eks_access("prod")
    assert access.server.startswith("https://")
    assert access.ca == "-----BEGIN CERTIFICATE-----\n"
    assert access.origin == "EKS cluster 'prod'"


@mock_aws
def test_a_cluster_that_is_not_there_is_wrong_use() -> None:
    """With the way to the right name."""
    with pytest.raises(WrongUse, match="No cluster found for name: typo") as caught:
        eks_access("typo")
    assert "aws eks list-clusters" in caught.value.hint


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Region, credentials; an authority that is none; two ways at once."""
    with pytest.raises(WrongUse, match="not base64"):
        eks_access("prod", ENDPOINT, "no base64")
    with pytest.raises(WrongUse, match="another way"):
        find_access(Settings(eks="prod", context="c"), NOWHERE)
    monkeypatch.setenv("AWS_REGION", "mars-1")
    with pytest.raises(WrongUse, match="no AWS region: 'mars-1'"):
        eks_access("prod", ENDPOINT, CA)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(WrongUse, match="no AWS credentials"):
        eks_access("prod", ENDPOINT, CA)
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(WrongUse, match="no AWS region"):
        eks_access("prod", ENDPOINT, CA)


@pytest.mark.parametrize("name", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_either_variable_names_the_region(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """As for the AWS CLI; the client by itself knows the second only."""
    other = {"AWS_REGION": "AWS_DEFAULT_REGION", "AWS_DEFAULT_REGION": "AWS_REGION"}[name]
    monkeypatch.delenv(other)
    token = str(eks_access("prod", ENDPOINT, CA).authorization()).removeprefix("Bearer ")
    assert urlsplit(url_of(token)).hostname == "sts.eu-west-1.amazonaws.com"


def test_who_may_not_ask_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """403 of EKS' own API names the right, and the way without it."""
    from botocore.exceptions import ClientError

    class Refusing:
        def describe_cluster(self, name: str) -> dict[str, Any]:
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": name}}, "DescribeCluster")

    monkeypatch.setattr("botocore.session.Session.create_client", lambda *_, **__: Refusing())
    with pytest.raises(ClusterRefused, match="AccessDenied") as caught:
        eks_access("prod")
    assert caught.value.hint == "allow eks:DescribeCluster, or give --eks-endpoint and --eks-ca"
