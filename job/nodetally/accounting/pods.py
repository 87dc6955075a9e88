"""One pod's requests and limits, by upstream's rules. Pure.

Rules: component-helpers v0.37.2 resource/helpers.go (CH below). Three views of the same pod, used by kubectl v0.37.2
pkg/describe/describe.go:4067-4068 and 4144-4145, and kubernetes v1.37.2 pkg/scheduler/framework/types.go:1380-1404:

- Mode.TOTALS     spec only: the "Allocated resources" of `kubectl describe node`
- Mode.ROW        with container status: the pod's row in the same output, ResourceQuota
- Mode.SCHEDULER  with container and pod-level status: what the scheduler holds against the node
"""

from collections.abc import Callable, Iterable
from enum import Enum
from functools import lru_cache

from nodetally.accounting.facts import AmountRow, Amounts, Container, ContainerStatus, PodAmounts, PodShape
from nodetally.accounting.quantity import amount


class Mode(Enum):
    """Whose view of a pod's requests; see the module's docstring."""

    TOTALS = "totals"
    ROW = "row"
    SCHEDULER = "scheduler"


@lru_cache(maxsize=4096)  # shapes per cluster are few: pods of one template share theirs
def pod_amounts(shape: PodShape) -> PodAmounts:
    """Everything that one pod of this shape contributes. Raises QuantityError beyond int64."""
    own = [dict(container.requests) for container in shape.containers]
    held = {name: amount(name, nanos) for name, nanos in requests(shape, Mode.SCHEDULER) if is_scheduled(name)}
    return amounts_of(
        requests(shape, Mode.TOTALS),
        limits(shape, Mode.TOTALS),
        _frozen(_sum(own)),
        _frozen(held),
        sum(amount("cpu", each.get("cpu", 0)) for each in own),
        sum(amount("memory", each.get("memory", 0)) for each in own),
    )


def amounts_of(
    requests: Amounts, limits: Amounts, containers: Amounts, scheduled: Amounts, kite_cpu: int, kite_memory: int
) -> PodAmounts:
    """The same figures resource by resource beside them; millicores and bytes for kite's."""
    asked, limited, plain, held = dict(requests), dict(limits), dict(containers), dict(scheduled)
    rows = tuple(
        AmountRow(name, asked.get(name, 0), limited.get(name, 0), plain.get(name, 0), held.get(name, 0))
        for name in sorted({*asked, *limited, *plain, *held})
    )
    return PodAmounts(requests, limits, containers, scheduled, kite_cpu, kite_memory, rows)


def requests(shape: PodShape, mode: Mode) -> Amounts:
    """PodRequests (CH:152-173), in nano-units."""
    total = _container_requests(shape, mode)
    effective = _pod_level_requests(shape, mode)
    total.update({name: effective(name, nanos) for name, nanos in shape.requests if is_pod_level(name)})
    for name, nanos in shape.overhead:
        total[name] = total.get(name, 0) + nanos
    return _frozen(total)


def limits(shape: PodShape, mode: Mode) -> Amounts:
    """PodLimits (CH:388-410), in nano-units, for TOTALS and ROW (the scheduler looks at no limits).

    Overhead joins only limits that exist and are not 0 (CH:399-407).
    """
    total = aggregate(shape, lambda container: container.limits)
    if mode is not Mode.TOTALS:
        statuses = _by_name(shape)
        actuated = aggregate(shape, lambda container: _actuated_limits(container, statuses, shape.infeasible))
        total = actuated if shape.infeasible else _max(total, actuated)
    total.update({name: nanos for name, nanos in shape.limits if is_pod_level(name)})
    for name, nanos in shape.overhead:
        if total.get(name):
            total[name] += nanos
    return _frozen(total)


def aggregate(shape: PodShape, get: Callable[[Container], Amounts]) -> dict[str, int]:
    """Containers summed, sidecars summed along, init containers as a maximum (CH:235-289).

    An ordinary init container runs beside the sidecars before it, so those are added to it for the maximum; a sidecar
    counts with those before it and itself.
    """
    total = _sum(dict(get(container)) for container in shape.containers)
    sidecars: dict[str, int] = {}
    highest: dict[str, int] = {}
    for container in shape.init_containers:
        own = dict(get(container))
        if container.sidecar:
            total = _sum((total, own))
            sidecars = _sum((sidecars, own))
            candidate = sidecars
        else:
            candidate = _sum((own, sidecars))
        highest = _max(highest, candidate)
    return _max(total, highest)


def is_pod_level(name: str) -> bool:
    """Whether spec.resources may set this resource for the whole pod (CH:67-78)."""
    return name in ("cpu", "memory") or name.startswith("hugepages-")


def is_scheduled(name: str) -> bool:
    """Whether the scheduler keeps count of this resource (framework/types.go:1611-1632; others it drops).

    Extended and prefixed native names hold a "/"; "requests." is a quota's prefix.
    """
    if name in ("cpu", "memory", "ephemeral-storage") or name.startswith(("hugepages-", "attachable-volumes-")):
        return True
    return "/" in name and not name.startswith("requests.")


def _container_requests(shape: PodShape, mode: Mode) -> dict[str, int]:
    """AggregateContainerRequests (CH:295-332): whole-pod aggregates first, then the maximum of them."""
    spec = aggregate(shape, lambda container: container.requests)
    if mode is Mode.TOTALS:
        return spec
    actuated, allocated = shape.status_requests, shape.status_allocated
    if mode is Mode.SCHEDULER and actuated is not None and allocated is not None:  # instead of the containers' (CH:310)
        status = _max(dict(actuated), dict(allocated))
    else:
        statuses = _by_name(shape)
        status = _max(
            aggregate(shape, lambda container: _actuated(container, statuses, shape.infeasible)),
            aggregate(shape, lambda container: _allocated(container, statuses, shape.infeasible)),
        )
    return status if shape.infeasible else _max(spec, status)


def _by_name(shape: PodShape) -> dict[str, ContainerStatus]:
    """Statuses are looked up by name, app containers' before init containers' (CH:217-229)."""
    return {each.name: each for each in reversed(shape.statuses)}


def _pod_level_requests(shape: PodShape, mode: Mode) -> Callable[[str, int], int]:
    """What a pod-level request replaces the containers' sum with (CH:160-162, 183-188)."""
    if mode is not Mode.SCHEDULER:
        return lambda _, nanos: nanos
    spec = scheduled_spec(shape)
    if not shape.status_resources:
        return lambda name, _: spec[name]
    actuated, allocated = dict(shape.status_requests or ()), dict(shape.status_allocated or ())

    def effective(name: str, _: int) -> int:
        return max(0 if shape.infeasible else spec[name], actuated.get(name, 0), allocated.get(name, 0))

    return effective


def scheduled_spec(shape: PodShape) -> dict[str, int]:
    """The pod-level requests as the scheduler finds them in its cached pod, in nano-units.

    Upstream puts the pod's own quantity into the result and then adds the overhead to it in place (CH:163-169). For a
    quantity held as a big decimal that writes through to the pod: once it has been weighed as an incoming pod
    (noderesources/fit.go:320), it holds request + overhead, and its node gets the overhead twice. Only texts such as
    "1.5Gi" or "100Ti" are held so (quantity.is_big_decimal); no canonical text of an everyday amount is.
    """
    overhead = dict(shape.overhead)
    return {
        name: nanos + (overhead.get(name, 0) if name in shape.big_decimals else 0) for name, nanos in shape.requests
    }


def _actuated(container: Container, statuses: dict[str, ContainerStatus], infeasible: bool) -> Amounts:
    """CH:204-215."""
    status = statuses.get(container.name)
    if status and status.requests is not None:
        return status.requests
    return _allocated(container, statuses, infeasible)


def _allocated(container: Container, statuses: dict[str, ContainerStatus], infeasible: bool) -> Amounts:
    """CH:194-202."""
    status = statuses.get(container.name)
    if status and status.allocated is not None:
        return status.allocated
    return () if infeasible else container.requests


def _actuated_limits(container: Container, statuses: dict[str, ContainerStatus], infeasible: bool) -> Amounts:
    """CH:375-383."""
    status = statuses.get(container.name)
    if status and status.limits is not None:
        return status.limits
    return () if infeasible else container.limits


def _sum(maps: Iterable[dict[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for each in maps:
        for name, nanos in each.items():
            total[name] = total.get(name, 0) + nanos
    return total


def _max(left: dict[str, int], right: dict[str, int]) -> dict[str, int]:
    total = dict(left)
    for name, nanos in right.items():
        total[name] = max(total.get(name, nanos), nanos)
    return total


def _frozen(total: dict[str, int]) -> Amounts:
    return tuple(sorted(total.items()))
