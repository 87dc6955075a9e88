"""A node of a snapshot in, one value of it out: what can be sorted by, selected on and grouped by. Draws nothing."""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from fractions import Fraction
from typing import Any

from nodetally.errors import WrongUse
from nodetally.selectors import Selector

Node = dict[str, Any]
Value = str | int | Fraction | None
POD_SLOTS = "pods"  # in resources: capacity and allocatable only; pods themselves are counted in node["pods"]
FIGURES = ("capacity", "allocatable", "requests", "limits", "scheduled", "containers", "usage")
TEXTS = (
    "pool",
    "zone",
    "region",
    "instance-type",
    "capacity-type",
    "architecture",
    "os-image",
    "kubelet-version",
)
NODE_ONLY = frozenset({"name", "state", "role", "age", *TEXTS})  # sort keys that a sum of nodes has no value for
_RESERVED = NODE_ONLY | {"cpu", "memory", POD_SLOTS}
GROUPS = ("pool", "zone", "instance-type", "capacity-type", "region", "architecture")

# Kubernetes' own label keys for what a snapshot keeps as a field (k8s.io/api/core/v1/well_known_labels.go)
_LABEL_FIELDS = {
    "topology.kubernetes.io/zone": "zone",
    "topology.kubernetes.io/region": "region",
    "node.kubernetes.io/instance-type": "instance-type",
    "kubernetes.io/arch": "architecture",
}
_SELECTABLE_FIELDS = ("pool", "zone", "region", "instance-type", "capacity-type", "architecture")
_ROLE_LABEL = "node-role.kubernetes.io/"


def text_of(node: Node, field: str) -> str | None:
    """A field of text by its dashed name; None where the snapshot does not know it."""
    value = node.get(field.replace("-", "_"))
    return None if value is None else str(value)


def figure(node: Node, resource: str, name: str) -> int | None:
    """One figure of one resource; None where it is unknown or the node has no such resource."""
    value: int | None = node["resources"].get(resource, {}).get(name)
    return value


def headroom(node: Node, resource: str) -> int | None:
    """allocatable − requests; may be negative."""
    allocatable, requests = figure(node, resource, "allocatable"), figure(node, resource, "requests")
    return None if allocatable is None or requests is None else allocatable - requests


def ratio(node: Node, resource: str) -> Fraction | None:
    """requests / allocatable, exact; with nothing allocatable, any request sorts above all."""
    allocatable, requests = figure(node, resource, "allocatable"), figure(node, resource, "requests")
    if allocatable is None or requests is None:
        return None
    if allocatable <= 0:
        return Fraction(requests << 64)
    return Fraction(requests, allocatable)


def cordoned(node: Node) -> bool:
    """Whether new pods are kept off; a snapshot from before the field existed says it by what is left."""
    value = node.get("cordoned")
    return bool(node["ready"] and node["schedulable"] is False if value is None else value)


def state(node: Node) -> str:
    """The node's state in kubectl's words: Ready,SchedulingDisabled, then the abnormal conditions."""
    words = [{True: "Ready", False: "NotReady"}.get(node["ready"], "Unknown")]
    if cordoned(node):
        words.append("SchedulingDisabled")
    return ",".join([*words, *(node["conditions"] or ())])


def in_trouble(node: Node) -> bool:
    return node["ready"] is not True or cordoned(node) or bool(node["conditions"])


def created(node: Node) -> datetime | None:
    try:
        made = datetime.fromisoformat(node.get("created_at") or "")
    except ValueError:  # as it was in the node, and nothing is counted by it
        return None
    return made if made.tzinfo else None


def resource_names(nodes: Iterable[Node]) -> list[str]:
    """Every resource but the pod slots: cpu and memory first, the others by name."""
    names = {name for node in nodes for name in node["resources"]} - {POD_SLOTS}
    return sorted(names, key=lambda name: (name != "cpu", name != "memory", name))


def short_names(resources: Iterable[str]) -> dict[str, str]:
    """nvidia.com/gpu → gpu, where nothing else is called so too.

    >>> short_names(["nvidia.com/gpu", "example.com/cpu", "a.io/x", "b.io/x"]).values()
    dict_values(['gpu', 'example.com/cpu', 'a.io/x', 'b.io/x'])
    """
    ends = {name: name.rpartition("/")[2] for name in resources}
    taken = Counter([*ends.values(), *(_RESERVED - ends.keys())])
    return {name: end if taken[end] == 1 else name for name, end in ends.items()}


def sort_values(nodes: list[Node]) -> dict[str, Callable[[Node], Value]]:
    """Sort key → what it compares, for the resources that these nodes have."""
    values: dict[str, Callable[[Node], Value]] = {
        "name": lambda node: str(node["name"]),
        "state": state,
        "pods": lambda node: _pods(node, "counted"),
        "pods-allocatable": lambda node: _pods(node, "allocatable"),
        "pods-pending": lambda node: _pods(node, "pending"),
        "age": _age,
        "role": lambda node: ",".join(node["roles"] or ()) or None,
    }
    for field in TEXTS:
        values[field] = lambda node, field=field: text_of(node, field)  # type: ignore[misc]
    names = resource_names(nodes)
    for name, short in short_names(names).items():
        for spelled in {name, short}:
            values = _resource_values(name, spelled) | values  # a resource never takes the place of a field
    return values


def _pods(node: Node, name: str) -> int | None:
    value: int | None = node["pods"].get(name)
    return value


def _age(node: Node) -> int | None:
    moment = created(node)
    return None if moment is None else -int(moment.timestamp())


def _resource_values(resource: str, spelled: str) -> dict[str, Callable[[Node], Value]]:
    values: dict[str, Callable[[Node], Value]] = {
        spelled: lambda node: ratio(node, resource),
        f"{spelled}-headroom": lambda node: headroom(node, resource),
    }
    for name in FIGURES:
        values[f"{spelled}-{name}"] = lambda node, name=name: figure(node, resource, name)  # type: ignore[misc]
    return values


def sort_nodes(nodes: list[Node], sort: str | None, *, known: list[Node] | None = None) -> list[Node]:
    """The nodes by `KEY`, `KEY:asc` or `KEY:desc`; unknown last both ways, equal ones in the order they came.

    Without a direction texts rise and numbers fall: the fullest and the oldest first. `known` are the nodes whose
    resources make the keys (all of the snapshot's, so that a key does not depend on what is selected).
    """
    if not sort or not (known or nodes):
        return nodes  # without nodes there are no resources that a key could be checked against
    key, _, direction = sort.partition(":")
    values = sort_values(known or nodes)
    if key not in values:
        raise WrongUse(f"cannot sort by {key!r}", hint=_sort_hint(known or nodes))
    if direction not in ("", "asc", "desc"):
        raise WrongUse(f"cannot sort {direction!r}", hint=f"write {key}:asc or {key}:desc")
    pairs = [(values[key](node), node) for node in nodes]
    kept = [(value, node) for value, node in pairs if value is not None]
    falling = direction == "desc" or (not direction and bool(kept) and not isinstance(kept[0][0], str))
    kept.sort(key=lambda pair: pair[0], reverse=falling)
    return [node for _, node in kept] + [node for value, node in pairs if value is None]


def _sort_hint(nodes: list[Node]) -> str:
    resources = ", ".join(short_names(resource_names(nodes)).values())
    parts = ", ".join(f"-{name}" for name in ("headroom", *FIGURES))
    names = ", ".join(["name", "state", "pods", "pods-allocatable", "pods-pending", "age", "role", *TEXTS])
    return f"sort by one of: {names}; or by a resource ({resources}), alone for its ratio or with {parts}"


def select_nodes(nodes: list[Node], selector: Selector | None) -> list[Node]:
    """The nodes that a selector picks by stored labels and derived names; WrongUse for a key that nobody knows."""
    if not selector or not nodes:
        return nodes
    known = _selectable(nodes)
    for key in sorted(selector.keys):
        if key not in known and not key.startswith(_ROLE_LABEL):
            raise WrongUse(
                f"cannot select on {key!r}: the snapshot does not hold this label",
                hint=f"select on one of: {', '.join(known)}; a pass stores only the labels that it was told to keep",
            )
    return [
        node
        for node in nodes
        if all(requirement.holds(label_values(node, requirement.key)) for requirement in selector.requirements)
    ]


def _selectable(nodes: list[Node]) -> list[str]:
    stored = {label for node in nodes for label in node["labels"] or ()}
    return [*_SELECTABLE_FIELDS, "role", *_LABEL_FIELDS, *sorted(stored)]


def label_values(node: Node, key: str) -> tuple[str, ...]:
    """What a node has under a key: a stored label before a derived name; a node may have several roles."""
    labels = node["labels"] or {}
    if key in labels:
        return (str(labels[key]),)
    if key == "role":
        return tuple(node["roles"] or ())
    if key.startswith(_ROLE_LABEL):
        return ("",) if key.removeprefix(_ROLE_LABEL) in (node["roles"] or ()) else ()
    field = _LABEL_FIELDS.get(key, key)
    value = text_of(node, field) if field in _SELECTABLE_FIELDS else None
    return () if value is None else (value,)
