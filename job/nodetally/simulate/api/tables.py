"""Nodes and pods in, the tables that kubectl shows out (Accept: …;as=Table). JSON only, as upstream's; for people."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from nodetally.simulate.api.answers import CONTENT_TYPES, Answer, Wanted, json_bytes, whole
from nodetally.simulate.objects.encoding import epoch_seconds
from nodetally.simulate.objects.item import Item, document

Row = Callable[[Mapping[str, Any]], list[Any]]
_ROLE_LABEL = "node-role.kubernetes.io/"
_COLUMNS: Mapping[str, Sequence[tuple[str, int]]] = {  # name, priority: 0 is shown, 1 only with -o wide
    "nodes": (("Name", 0), ("Status", 0), ("Roles", 0), ("Age", 0), ("Version", 0), ("Internal-IP", 1)),
    "pods": (("Name", 0), ("Ready", 0), ("Status", 0), ("Restarts", 0), ("Age", 0), ("IP", 1), ("Node", 1)),
}


def table_answer(resource: str, metadata: Mapping[str, object], items: Sequence[Item], wanted: Wanted) -> Answer:
    """The table of a list, held as a whole: kubectl asks for pages of 500."""
    row = _node_row if resource == "nodes" else _pod_row
    content = {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": [_column(name, priority) for name, priority in _COLUMNS[resource]],
        "rows": [_row(row, document(item)) for item in items],
    }
    return whole(200, CONTENT_TYPES["json"], json_bytes(content, wanted))


def _column(name: str, priority: int) -> dict[str, Any]:
    shape = "name" if name == "Name" else ""
    return {"name": name, "type": "string", "format": shape, "description": name, "priority": priority}


def _row(row: Row, content: Mapping[str, Any]) -> dict[str, Any]:
    metadata = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": content["metadata"]}
    return {"cells": row(content), "object": metadata}


def _node_row(node: Mapping[str, Any]) -> list[Any]:
    metadata, spec, status = _parts(node)
    ready = any(each["type"] == "Ready" and each["status"] == "True" for each in status.get("conditions") or ())
    shown = ("Ready" if ready else "NotReady") + (",SchedulingDisabled" if spec.get("unschedulable") else "")
    labels = metadata.get("labels") or {}
    roles = sorted(label.removeprefix(_ROLE_LABEL) for label in labels if label.startswith(_ROLE_LABEL))
    addresses = {each["type"]: each["address"] for each in status.get("addresses") or ()}
    version = (status.get("nodeInfo") or {}).get("kubeletVersion", "")
    internal = addresses.get("InternalIP", "<none>")
    return [metadata["name"], shown, ",".join(roles) or "<none>", _age(metadata), version, internal]


def _pod_row(pod: Mapping[str, Any]) -> list[Any]:
    metadata, spec, status = _parts(pod)
    containers = status.get("containerStatuses") or ()
    ready = f"{sum(bool(each.get('ready')) for each in containers)}/{len(spec.get('containers') or ())}"
    restarts = str(sum(each.get("restartCount", 0) for each in containers))
    ip, node = status.get("podIP", "<none>"), spec.get("nodeName", "<none>")
    return [metadata["name"], ready, _pod_status(metadata, status, containers), restarts, _age(metadata), ip, node]


def _pod_status(metadata: Mapping[str, Any], status: Mapping[str, Any], containers: Sequence[Any]) -> str:
    if metadata.get("deletionTimestamp"):
        return "Terminating"
    waiting = [state["reason"] for each in containers if (state := (each.get("state") or {}).get("waiting"))]
    return str(waiting[0] if waiting else status.get("reason") or status.get("phase") or "Unknown")


def _parts(content: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, Any], Mapping[str, Any]]:
    return content["metadata"], content.get("spec") or {}, content.get("status") or {}


def _age(metadata: Mapping[str, Any]) -> str:
    """The age in the largest unit that fits."""
    created = metadata.get("creationTimestamp")
    if not created:
        return "<unknown>"
    seconds = max(0, int(datetime.now(UTC).timestamp()) - epoch_seconds(created))
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
