"""Where a pod's figures come from, step by step, by the same functions that count it. Pure."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from nodetally.accounting.facts import Amounts, Container, PodShape
from nodetally.accounting.pods import Mode, aggregate, is_pod_level, limits, pod_amounts, requests, scheduled_spec

TOGETHER = "containers and sidecars added up, or the highest init container with the sidecars before it"


class Step(NamedTuple):
    """One line of a derivation: what it is, and the amounts (nano-units) that it stands for."""

    text: str
    amounts: Amounts


class Derivation(NamedTuple):
    """How one figure of a pod comes about; `result` is what is counted."""

    figure: str  # requests | limits | scheduled | containers
    steps: tuple[Step, ...]
    result: Amounts


def derive(shape: PodShape) -> tuple[Derivation, ...]:
    """Every figure of a pod with its steps, the results being exactly those that are tallied."""
    return (
        Derivation("requests", tuple(_asked(shape, "requests")), requests(shape, Mode.TOTALS)),
        Derivation("limits", tuple(_asked(shape, "limits")), limits(shape, Mode.TOTALS)),
        Derivation("scheduled", tuple(_scheduled(shape)), requests(shape, Mode.SCHEDULER)),
        Derivation("containers", (), pod_amounts(shape).containers),
    )


def kind_of(container: Container, *, init: bool) -> str:
    """How a container is told apart in the derivation."""
    if not init:
        return "container"
    return "sidecar" if container.sidecar else "init container"


def _asked(shape: PodShape, figure: Literal["requests", "limits"]) -> Iterator[Step]:
    """The steps to requests or limits: containers, their aggregate, the pod level, overhead."""

    def get(container: Container) -> Amounts:
        return container.requests if figure == "requests" else container.limits

    for init, containers in ((True, shape.init_containers), (False, shape.containers)):
        for container in containers:
            yield Step(f"{kind_of(container, init=init)} {container.name}", get(container))
    if shape.init_containers:
        yield Step(TOGETHER, tuple(sorted(aggregate(shape, get).items())))
    pod_level = shape.requests if figure == "requests" else shape.limits
    supported = tuple(pair for pair in pod_level if is_pod_level(pair[0]))
    if supported:
        yield Step(f"pod-level {figure} take the place of that sum", supported)
    if shape.overhead:
        only = "" if figure == "requests" else " to limits that are set and not 0"
        yield Step(f"overhead is added{only}", shape.overhead)


def _scheduled(shape: PodShape) -> Iterator[Step]:
    yield Step("requests, as above", requests(shape, Mode.TOTALS))
    if shape.infeasible:
        yield Step("the resize is infeasible: only what the kubelet reports counts", ())
    for status in shape.statuses:
        for what, amounts in (("allocated", status.allocated), ("in force", status.requests)):
            if amounts is not None:
                yield Step(f"status of {status.name}: {what}", amounts)
    if shape.status_allocated is not None:
        yield Step("status of the pod: allocated", shape.status_allocated)
    if shape.status_requests is not None:
        yield Step("status of the pod: in force", shape.status_requests)
    held = tuple(scheduled_spec(shape).items())
    if held != shape.requests:
        yield Step("the scheduler holds the pod-level requests with the overhead in them already", held)
