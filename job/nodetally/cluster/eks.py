"""EKS: a cluster's name in, Access out: a token signed here, with the AWS credentials at hand. No kubeconfig, no aws.

The token is a presigned call of STS' GetCallerIdentity that EKS makes in our stead (aws-iam-authenticator
pkg/token/token.go): signing asks nobody. With the endpoint and its authority given, no AWS API is asked at all, so a
function in a private network needs no way to one.
"""

import base64
import time
from collections.abc import Callable
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, UnknownRegionError
from botocore.model import ServiceId
from botocore.signers import RequestSigner

from nodetally import __version__
from nodetally.cluster.access import Access
from nodetally.errors import ClusterError, ClusterRefused, WrongUse
from nodetally.settings import AWS_SESSION, MOUNT_IDENTITY, NO_ROLE

TOKEN_SECONDS = 600.0  # it is taken for 15 minutes after it was signed, whatever its own expiry says
DOMAINS = {  # by partition; botocore's own data, which it has no public way to ask for (test_eks)
    "aws-cn": "amazonaws.com.cn",
    "aws-iso": "c2s.ic.gov",
    "aws-iso-b": "sc2s.sgov.gov",
    "aws-iso-e": "cloud.adc-e.uk",
    "aws-iso-f": "csp.hci.ic.gov",
    "aws-eusc": "amazonaws.eu",
}
EXPIRES_SECONDS = 60  # as `aws eks get-token` writes it
HINT = (
    "give it credentials: a function's role, or AWS_PROFILE; see who you are with: aws sts get-caller-identity; "
    "and an access entry of the cluster for it: aws eks list-access-entries --cluster-name {name}"
)


def eks_access(name: str, endpoint: str | None = None, ca: str | None = None) -> Access:
    """`endpoint` and `ca` (base64 of PEM, as EKS gives it): asked of EKS when they are not given.

    Raises WrongUse without a region or credentials, ClusterRefused or ClusterError as EKS answers.
    """
    session = botocore.session.get_session(AWS_SESSION)
    region = session.get_config_variable("region")
    if not region:
        raise WrongUse(f"--eks {name}: no AWS region", hint="set AWS_REGION")
    sts_host(session, str(region))  # a token is not asked for before the cluster is
    try:
        if session.get_credentials() is None:
            raise WrongUse(f"--eks {name}: no AWS credentials", hint=HINT.format(name=name))
        if not endpoint or not ca:
            endpoint, ca = _described(session, name)
        pem = base64.b64decode(ca, validate=True).decode()
    except ValueError as error:
        raise WrongUse(f"EKS cluster {name!r}: its authority is not base64 of PEM text: {error}") from error
    except (FileNotFoundError, PermissionError) as error:
        raise ClusterRefused(f"EKS cluster {name!r}: no credentials: {error}", hint=MOUNT_IDENTITY) from error
    except BotoCoreError as error:
        raise ClusterError(f"EKS cluster {name!r}: {error}", hint=HINT.format(name=name)) from error
    return Access(
        server=endpoint.rstrip("/"),
        ca=pem,
        authorization=_Token(session, name, str(region)),
        origin=f"EKS cluster {name!r}",
    )


class _Token:
    """The Authorization header, signed again before it ends."""

    def __init__(self, session: Any, name: str, region: str, clock: Callable[[], float] = time.time) -> None:
        self._session = session
        self._name = name
        self._region = region
        self._clock = clock  # the time of day: a function may be frozen in between, and its other clocks with it
        self._signed_at = 0.0
        self._header = ""

    def __call__(self) -> str:
        now = self._clock()
        if not 0 <= now - self._signed_at < TOKEN_SECONDS:
            self._header = f"Bearer {signed_token(self._session, self._name, self._region)}"
            self._signed_at = now
        return self._header


def signed_token(session: Any, name: str, region: str) -> str:
    """A bearer token for this cluster, of the session's credentials. Raises ClusterRefused without any."""
    request = {
        "method": "GET",
        "url": f"https://{sts_host(session, region)}/?Action=GetCallerIdentity&Version=2011-06-15",
        "body": {},
        "headers": {"x-k8s-aws-id": name},
        "context": {},
    }
    emitter = session.get_component("event_emitter")
    signer = RequestSigner(ServiceId("STS"), region, "sts", "v4", session.get_credentials(), emitter)
    try:
        url = signer.generate_presigned_url(request, operation_name="", expires_in=EXPIRES_SECONDS, region_name=region)
    except (BotoCoreError, ClientError, FileNotFoundError, PermissionError) as error:
        raise ClusterRefused(f"EKS cluster {name!r}: no token: {error}", hint=_hint(error, name)) from error
    return "k8s-aws-v1." + base64.urlsafe_b64encode(url.encode()).rstrip(b"=").decode()


def sts_host(session: Any, region: str) -> str:
    """STS of this region, in whichever partition (China, GovCloud) it is. Raises WrongUse for a region of none."""
    try:
        partition = session.get_partition_for_region(region)
    except UnknownRegionError as error:
        raise WrongUse(f"no AWS region: {region!r}", hint="correct AWS_REGION") from error
    return f"sts.{region}.{DOMAINS.get(partition, 'amazonaws.com')}"


def _hint(error: Exception, name: str) -> str:
    """What to do where credentials were not to be had."""
    if isinstance(error, ClientError):
        return NO_ROLE
    return MOUNT_IDENTITY if isinstance(error, OSError) else HINT.format(name=name)


def _described(session: Any, name: str) -> tuple[str, str]:
    """The endpoint and the authority, from EKS."""
    config = Config(connect_timeout=5, read_timeout=20, user_agent_extra=f"nodetally/{__version__}")
    try:
        cluster = session.create_client("eks", config=config).describe_cluster(name=name)["cluster"]
        return cluster["endpoint"], cluster["certificateAuthority"]["data"]
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        text = f"EKS cluster {name!r}: {error}"
        if code == "ResourceNotFoundException":
            raise WrongUse(text, hint="list them with: aws eks list-clusters") from error
        asks_eks = error.operation_name == "DescribeCluster"
        hint = "allow eks:DescribeCluster, or give --eks-endpoint and --eks-ca" if asks_eks else NO_ROLE
        raise ClusterRefused(text, hint=hint) from error
    except KeyError as error:
        raise ClusterError(f"EKS cluster {name!r} has no {error} yet", hint="wait until it is active") from error
