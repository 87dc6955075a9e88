"""What is left of a node or pod once it is read: the few values that tallies and snapshots need. Types only."""

from typing import NamedTuple

Amounts = tuple[tuple[str, int], ...]
"""Resource name → exact nano-units, sorted by name."""

TERMINAL_PHASES = frozenset({"Succeeded", "Failed"})  # what `kubectl describe node` and the scheduler leave out


class Container(NamedTuple):
    """One container's declared resources; `sidecar` is an init container with restartPolicy Always."""

    name: str
    requests: Amounts = ()
    limits: Amounts = ()
    sidecar: bool = False


class ContainerStatus(NamedTuple):
    """What the kubelet reports of a container: allocatedResources, resources.requests, resources.limits.

    None is absent. Upstream tells that from an empty map; protobuf cannot, and an API server never sends an empty one.
    """

    name: str
    allocated: Amounts | None = None
    requests: Amounts | None = None
    limits: Amounts | None = None


class PodShape(NamedTuple):
    """All of a pod that decides its amounts; pods of one template share one shape."""

    containers: tuple[Container, ...]
    init_containers: tuple[Container, ...] = ()
    overhead: Amounts = ()
    requests: Amounts = ()  # spec.resources: pod-level
    big_decimals: tuple[str, ...] = ()  # names in it that upstream holds as big decimals
    limits: Amounts = ()
    statuses: tuple[ContainerStatus, ...] = ()  # containerStatuses, then initContainerStatuses
    status_allocated: Amounts | None = None  # status.allocatedResources: pod-level
    status_resources: bool = False  # status.resources is there
    status_requests: Amounts | None = None
    infeasible: bool = False  # the first PodResizePending condition says Infeasible


class AmountRow(NamedTuple):
    """One resource of one pod: nano-units, but `scheduled`, which is rounded already."""

    name: str
    requests: int
    limits: int
    containers: int
    scheduled: int


class PodAmounts(NamedTuple):
    """One pod's contribution, computed once per shape."""

    requests: Amounts  # nano-units
    limits: Amounts
    containers: Amounts
    scheduled: Amounts  # already rounded to millicores, bytes, counts: the scheduler adds rounded integers
    kite_cpu_millicores: int
    kite_memory_bytes: int
    rows: tuple[AmountRow, ...]  # the same, resource by resource: what a tally adds


class PodFacts(NamedTuple):
    """One pod, read."""

    namespace: str
    name: str
    uid: str
    node: str  # "" while unscheduled
    phase: str
    terminating: bool
    shape: PodShape
    amounts: PodAmounts

    @property
    def terminal(self) -> bool:
        """Whether the pod has ended and so does not count."""
        return self.phase in TERMINAL_PHASES


class Taint(NamedTuple):
    key: str
    value: str
    effect: str


class NodeFacts(NamedTuple):
    """One node, read; the snapshot's fields, before labels are turned into pool, zone and the like."""

    name: str
    uid: str | None  # None: a history that does not tell it
    created_at: str | None
    ready: bool | None  # None: the Ready condition is Unknown or missing
    cordoned: bool
    conditions: tuple[str, ...]  # types of the abnormal ones, sorted
    taints: tuple[Taint, ...]
    labels: dict[str, str]
    capacity: Amounts
    allocatable: Amounts
    architecture: str | None
    os_image: str | None
    kubelet_version: str | None


class Usage(NamedTuple):
    """What metrics.k8s.io measured on one node."""

    cpu: int  # nano-units
    memory: int  # nano-units
