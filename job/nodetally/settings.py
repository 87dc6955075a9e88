"""What a pass is told, frozen; the only reader of the environment (click reads the NODETALLY_… names given to it)."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from nodetally.accounting.labels import LabelRules

PAGE_SIZE = 500  # kubectl's own chunk size (kubectl v0.37 pkg/cmd/util/helpers.go:55)
TIMEOUT_SECONDS = 300.0  # whole pass; 150,000 pods read in under 30 s on two cores, so 300 s is a cluster in trouble
CACHE_OFF, CACHE_IN_MEMORY = "off", "memory"
CACHE_TTL_SECONDS = (
    600.0  # the API server keeps events for 75 s to some minutes, etcd for 5 (storagebackend/config.go:38)
)
CACHE_TIMEOUT_SECONDS = 60.0  # 150,000 pods warm up in under 30 s on two cores; then the streaming list is as quick
# Of an AWS client's session: the region as the AWS CLI reads it. botocore by itself knows the second variable alone.
AWS_SESSION = {"region": ("region", ["AWS_REGION", "AWS_DEFAULT_REGION"], None, None)}
# What to do where no AWS API is to blame, but the way to an identity for it.
NO_ROLE = (
    "let the role's trust policy take who asks: for a pod its ServiceAccount "
    "(sub system:serviceaccount:NAMESPACE:NAME, aud sts.amazonaws.com) "
    "by the cluster's issuer, which IAM must know; on EKS infra/aws/irsa.yaml makes it"
)
MOUNT_IDENTITY = (
    "AWS_WEB_IDENTITY_TOKEN_FILE or AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE names a file that the pod has not, or may "
    "not read: mount the token (the volume `aws` in cronjob.yaml, with fsGroup)"
)
SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


@dataclass(frozen=True)
class Settings:
    """One pass's settings. Sizes and times carry their unit in the name."""

    cluster: str = ""
    store: str = "./nodetally-data"
    kubeconfig: str | None = None
    context: str | None = None
    eks: str | None = None  # the name of an EKS cluster
    eks_endpoint: str | None = None
    eks_ca: str | None = None  # base64 of PEM
    dumps: tuple[str, ...] = ()
    selector: str | None = None
    nodes: tuple[str, ...] = ()
    page_size: int | None = None  # None: one streamed list
    gzip: bool = False  # off inside the cluster: it costs the server CPU and saves nothing on a fast link
    usage: bool = True
    cache: str = CACHE_OFF  # off | memory | a store to keep it in: a directory or s3://…
    cache_ttl_seconds: float = CACHE_TTL_SECONDS
    cache_timeout_seconds: float = CACHE_TIMEOUT_SECONDS
    timeout_seconds: float = TIMEOUT_SECONDS
    slot_every_seconds: int = 1
    jitter_seconds: float = 0.0  # a pass waits a part of this before it reads; its slot is of before the wait
    at: datetime | None = None
    trigger: str = "manual"
    labels: tuple[str, ...] = ()  # node labels to keep in the snapshot
    label_rules: LabelRules = field(default_factory=LabelRules)


@dataclass(frozen=True)
class Surroundings:
    """What the environment says of where we run."""

    kubeconfig: str | None  # $KUBECONFIG: may hold several paths
    home: Path
    service_host: str | None  # set by the kubelet in every pod
    service_port: str
    service_account: Path
    https_proxy: str | None
    no_proxy: str
    variables: frozenset[str] = frozenset()  # names of all NODETALLY_… ones

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ) -> "Surroundings":
        return cls(
            kubeconfig=environment.get("KUBECONFIG") or None,
            home=Path(environment.get("HOME") or "/"),
            service_host=environment.get("KUBERNETES_SERVICE_HOST") or None,
            service_port=environment.get("KUBERNETES_SERVICE_PORT") or "443",
            service_account=SERVICE_ACCOUNT,
            https_proxy=environment.get("HTTPS_PROXY") or environment.get("https_proxy") or None,
            no_proxy=environment.get("NO_PROXY") or environment.get("no_proxy") or "",
            variables=frozenset(each for each in environment if each.startswith("NODETALLY_")),
        )
