"""What runs in a simulated cluster: the workloads' shapes, as data. The numbers are those of ordinary clusters.

A shape is deployed many times, in many namespaces. Resources are written `cpu=250m memory=512Mi`.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

GPU = "nvidia.com/gpu"
HUGE = "hugepages-2Mi"
Owner = Literal["ReplicaSet", "DaemonSet", "StatefulSet", "Job"]
NodeClass = Literal["general", "gpu", "hugepages"]


class State(IntEnum):
    """What a pod is doing; with its shape it says everything but names and numbers."""

    RUNNING = 0
    STARTING = 1
    CRASHING = 2
    TERMINATING = 3
    UNSCHEDULED = 4
    SUCCEEDED = 5
    FAILED = 6
    RESIZE_DEFERRED = 7
    RESIZE_INFEASIBLE = 8
    SHRINKING = 9

    @property
    def phase(self) -> str:
        return _PHASES.get(self, "Running")

    @property
    def is_terminal(self) -> bool:
        return self in (State.SUCCEEDED, State.FAILED)

    @property
    def is_up(self) -> bool:
        """Whether its containers run and are ready."""
        return self not in (State.STARTING, State.CRASHING, State.SUCCEEDED, State.FAILED)

    @property
    def is_waiting_for_resize(self) -> bool:
        return self in (State.RESIZE_DEFERRED, State.RESIZE_INFEASIBLE)

    @property
    def is_resized(self) -> bool:
        return self.is_waiting_for_resize or self == State.SHRINKING

    @property
    def takes_room(self) -> bool:
        """Whether a node has less to give because of it."""
        return not (self.is_terminal or self == State.UNSCHEDULED)


_PHASES = {State.STARTING: "Pending", State.UNSCHEDULED: "Pending"}
_PHASES |= {State.SUCCEEDED: "Succeeded", State.FAILED: "Failed"}

# How often each state is met, in thousandths of a workload's pods
SERVICE_STATES = {
    State.RUNNING: 962,
    State.STARTING: 8,
    State.CRASHING: 8,
    State.TERMINATING: 6,
    State.UNSCHEDULED: 3,
    State.FAILED: 4,
    State.RESIZE_DEFERRED: 3,
    State.RESIZE_INFEASIBLE: 2,
    State.SHRINKING: 4,
}
JOB_STATES = {State.RUNNING: 220, State.SUCCEEDED: 700, State.FAILED: 60, State.STARTING: 20}
DAEMON_STATES = {State.RUNNING: 990, State.STARTING: 6, State.CRASHING: 4}


@dataclass(frozen=True)
class Box:
    """One container; `settings` is how many environment variables it has."""

    name: str
    requests: str = ""
    limits: str = ""
    settings: int = 6
    probes: bool = True


@dataclass(frozen=True)
class Shape:
    """One kind of workload."""

    stem: str
    boxes: tuple[Box, ...]
    owner: Owner = "ReplicaSet"
    init: tuple[Box, ...] = ()
    sidecars: tuple[Box, ...] = ()
    overhead: str = ""
    pod_requests: str = ""
    pod_limits: str = ""
    runtime_class: str = ""
    node_class: NodeClass = "general"
    namespace: str = ""  # "": one of the teams'
    replicas: tuple[int, int] = (2, 30)
    weight: int = 10
    priority: str = ""
    host_network: bool = False

    @property
    def states(self) -> dict[State, int]:
        return {"Job": JOB_STATES, "DaemonSet": DAEMON_STATES}.get(self.owner, SERVICE_STATES)


def _small(name: str = "app") -> Box:
    return Box(name, "cpu=100m memory=128Mi", "memory=256Mi", 4)


def _service(name: str = "app") -> Box:
    return Box(name, "cpu=250m memory=512Mi", "cpu=1 memory=1Gi", 9)


PROXY = Box("istio-proxy", "cpu=100m memory=128Mi", "cpu=2 memory=1Gi", 12)
MIGRATE = Box("migrate", "cpu=500m memory=256Mi", "memory=512Mi", 5, probes=False)
WAIT = Box("wait-for-db", "cpu=10m memory=16Mi", "cpu=100m memory=32Mi", 4, probes=False)
LOGS = Box("log-shipper", "cpu=50m memory=64Mi", "memory=128Mi", 4)

DAEMONS = (
    Shape(
        "kube-proxy", (Box("kube-proxy", "cpu=100m", "", 3, probes=False),), "DaemonSet", host_network=True,
        namespace="kube-system", priority="system-node-critical",
    ),
    Shape(
        "aws-node",
        (Box("aws-node", "cpu=25m", "", 13), Box("aws-eks-nodeagent", "cpu=25m", "", 3, probes=False)),
        "DaemonSet", init=(Box("aws-vpc-cni-init", "cpu=25m", "", 3, probes=False),), host_network=True,
        namespace="kube-system", priority="system-node-critical",
    ),
    Shape(
        "node-exporter", (Box("node-exporter", "cpu=50m memory=64Mi", "memory=128Mi", 3),), "DaemonSet",
        host_network=True, namespace="monitoring",
    ),
    Shape(
        "fluent-bit", (Box("fluent-bit", "cpu=100m memory=128Mi", "cpu=500m memory=256Mi", 4),), "DaemonSet",
        namespace="logging",
    ),
    Shape(
        "ebs-csi-node",
        (Box("ebs-plugin", "cpu=10m memory=40Mi", "memory=256Mi", 4), Box("registrar", "cpu=10m memory=40Mi"),
         Box("liveness-probe", "cpu=10m memory=40Mi", "memory=256Mi", 1, probes=False)),
        "DaemonSet", namespace="kube-system", priority="system-node-critical",
    ),
)  # fmt: skip

WORKLOADS = (
    Shape("web-frontend", (_small("web"),), weight=25, replicas=(3, 40)),
    Shape("checkout-api", (_service(),), sidecars=(PROXY,), weight=25, replicas=(3, 40)),
    Shape("orders-api", (_service(), LOGS), init=(MIGRATE,), weight=20),
    Shape("catalog-search", (Box("search", "cpu=1 memory=4Gi", "memory=4Gi", 11),), weight=10, replicas=(2, 12)),
    Shape("pricing-engine", (Box("engine", "cpu=2 memory=2Gi", "cpu=4 memory=2Gi", 15),), weight=8, replicas=(2, 16)),
    Shape("session-cache", (Box("redis", "cpu=200m memory=2Gi", "cpu=200m memory=2Gi", 3),), weight=8, replicas=(1, 6)),
    Shape("feature-flags", (Box("app", "", "", 3),), weight=6, replicas=(1, 4)),
    Shape("image-resizer", (Box("app", "cpu=500m memory=1Gi ephemeral-storage=2Gi",
                                "cpu=1 memory=2Gi ephemeral-storage=4Gi", 4),), weight=8),
    Shape("payments-gateway", (Box("app", "cpu=500m memory=1Gi", "cpu=500m memory=1Gi", 10),), sidecars=(PROXY,),
          init=(WAIT,), weight=8, priority="business-critical"),
    Shape("event-consumer", (Box("app", "", "cpu=500m memory=512Mi", 8),), weight=14),
    Shape("sandbox-runner", (Box("runner", "cpu=500m memory=512Mi", "cpu=1 memory=1Gi", 5),),
          overhead="cpu=250m memory=160Mi", runtime_class="kata", weight=4, replicas=(1, 10)),
    Shape("pod-budgeted", (_small("a"), _small("b")), pod_requests="cpu=500m memory=768Mi",
          pod_limits="cpu=2 memory=2Gi", weight=5, replicas=(1, 12)),
    Shape("report-builder", (Box("app", "cpu=300m memory=1536Mi", "memory=3Gi", 7),),
          init=(Box("fetch", "cpu=1 memory=512Mi", "", 3, probes=False), WAIT), sidecars=(LOGS,), weight=6),
    Shape("graphql-edge", (_service("edge"),), sidecars=(PROXY, LOGS), weight=12, replicas=(2, 24)),
    Shape("notifier", (Box("app", "cpu=50m memory=96Mi", "cpu=200m memory=192Mi", 6),), weight=12, replicas=(1, 8)),
    Shape("legacy-monolith", (Box("jvm", "cpu=2 memory=6Gi", "cpu=4 memory=8Gi", 30), LOGS), weight=4, replicas=(1, 6)),
    Shape("postgres", (Box("postgres", "cpu=1 memory=4Gi", "memory=4Gi", 6), Box("exporter", "cpu=20m memory=32Mi")),
          "StatefulSet", init=(WAIT,), weight=5, replicas=(1, 3)),
    Shape("kafka", (Box("broker", "cpu=2 memory=8Gi", "cpu=2 memory=8Gi", 17),), "StatefulSet", weight=2,
          replicas=(3, 5)),
    Shape("nightly-export", (Box("export", "cpu=500m memory=1Gi", "memory=2Gi", 6, probes=False),), "Job", weight=8,
          replicas=(1, 10)),
    Shape("invoice-run", (Box("run", "cpu=250m memory=256Mi", "", 4, probes=False),), "Job", sidecars=(PROXY,),
          weight=6, replicas=(1, 12)),
    Shape("model-serving", (Box("triton", f"cpu=4 memory=16Gi {GPU}=1", f"cpu=8 memory=24Gi {GPU}=1", 9),),
          node_class="gpu", weight=3, replicas=(1, 4)),
    Shape("model-training", (Box("train", f"cpu=8 memory=32Gi {GPU}=2", f"memory=32Gi {GPU}=2", 8, probes=False),),
          "Job", node_class="gpu", weight=1, replicas=(1, 2)),
    Shape("packet-gateway", (Box("dpdk", f"cpu=4 memory=4Gi {HUGE}=1Gi", f"cpu=4 memory=4Gi {HUGE}=1Gi", 5),),
          node_class="hugepages", weight=2, replicas=(1, 4)),
)  # fmt: skip

SHAPES = DAEMONS + WORKLOADS

# Namespaces of the teams: eight letters each, so that a template fits all; after these come team-024, team-025, …
TEAMS = (
    "accounts", "bookings", "checkout", "customer", "delivery", "frontend", "identity", "invoices", "listings",
    "messages", "payments", "platform", "products", "profiles", "research", "security", "settings", "shipping",
    "stations", "supplier", "training", "webhooks", "workflow", "wishlist",
)  # fmt: skip


def team(number: int) -> str:
    """The namespace of that number.

    >>> team(0), team(99)
    ('accounts', 'team-099')
    """
    return TEAMS[number] if number < len(TEAMS) else f"team-{number:03d}"


def amounts(text: str) -> dict[str, str]:
    """Resources as they are written here.

    >>> amounts("cpu=250m memory=512Mi")
    {'cpu': '250m', 'memory': '512Mi'}
    """
    return dict(part.split("=") for part in text.split())
