"""What the server says of itself: its version and the groups and resources that it has. Constant documents."""

from collections.abc import Mapping, Sequence
from typing import Any

from nodetally.simulate.behaviour import RELEASE

METRICS_GROUP = "metrics.k8s.io"
VERSION: Mapping[str, str] = {
    "major": "1",
    "minor": "37",
    "emulationMajor": "1",
    "emulationMinor": "37",
    "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "36",
    "gitVersion": RELEASE,
    "gitCommit": "0000000000000000000000000000000000000000",
    "gitTreeState": "clean",
    "buildDate": "2026-10-14T09:12:31Z",
    "goVersion": "go1.26.3",
    "compiler": "gc",
    "platform": "linux/amd64",
}


def core_versions(address: str) -> dict[str, Any]:
    """/api"""
    addresses = [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}]
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": addresses}


def core_resources() -> dict[str, Any]:
    """/api/v1"""
    verbs = ["get", "list", "watch"]
    return _resource_list(
        "v1",
        [
            {"name": "nodes", "singularName": "node", "namespaced": False, "kind": "Node", "verbs": verbs}
            | {"shortNames": ["no"]},
            {"name": "pods", "singularName": "pod", "namespaced": True, "kind": "Pod", "verbs": verbs}
            | {"shortNames": ["po"], "categories": ["all"]},
        ],
    )


def groups(metrics_versions: Sequence[str]) -> dict[str, Any]:
    """/apis"""
    found = [_group(metrics_versions)] if metrics_versions else []
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": found}


def metrics_group(metrics_versions: Sequence[str]) -> dict[str, Any]:
    """/apis/metrics.k8s.io"""
    return {"kind": "APIGroup", "apiVersion": "v1"} | _group(metrics_versions)


def _group(metrics_versions: Sequence[str]) -> dict[str, Any]:
    versions = [{"groupVersion": f"{METRICS_GROUP}/{version}", "version": version} for version in metrics_versions]
    return {"name": METRICS_GROUP, "versions": versions, "preferredVersion": versions[0]}


def metrics_resources(version: str) -> dict[str, Any]:
    """/apis/metrics.k8s.io/VERSION"""
    verbs = ["get", "list"]
    return _resource_list(
        f"{METRICS_GROUP}/{version}",
        [
            {"name": "nodes", "singularName": "", "namespaced": False, "kind": "NodeMetrics", "verbs": verbs},
            {"name": "pods", "singularName": "", "namespaced": True, "kind": "PodMetrics", "verbs": verbs},
        ],
    )


def _resource_list(group_version: str, resources: list[dict[str, Any]]) -> dict[str, Any]:
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": resources}
