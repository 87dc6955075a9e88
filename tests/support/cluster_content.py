"""What the cluster tests put into a real API server: nodes of every state, upstream's vectors, pods of every kind."""

import copy
import gzip
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from admin import AT_ONCE, Admin, Refused
from paths import VECTORS

Json = dict[str, Any]
VECTORS_NAMESPACE, MADE_UP = "vectors", "made-up"
RBAC = "rbac.authorization.k8s.io/v1"
GONE = "gone.example"  # pods name it, and nobody lists it
WORKERS = [f"worker-{number}.example" for number in range(8)]
SIZE = {
    "cpu": "15890m",
    "memory": "61590888Ki",
    "ephemeral-storage": "95551679124",
    "hugepages-1Gi": "0",
    "hugepages-2Mi": "64Mi",
    "nvidia.com/gpu": "8",
    "pods": "110",
}


def namespace(name: str, **labels: str) -> Json:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def node(name: str, *, spec: Json | None = None, conditions: Mapping[str, str] | None = None, **changes: Any) -> Json:
    """A node as its kubelet would report it: ready, of SIZE, unless told otherwise."""
    labels = {"kubernetes.io/hostname": name, "topology.kubernetes.io/zone": "eu-1a", **changes.pop("labels", {})}
    states = {"Ready": "True", "MemoryPressure": "False", "DiskPressure": "False", **(conditions or {})}
    told = {"architecture": "amd64", "osImage": "Linux", "kubeletVersion": "v1.37.2", "operatingSystem": "linux"}
    ids = dict.fromkeys(("machineID", "systemUUID", "bootID", "kernelVersion", "containerRuntimeVersion"), "x")
    status = {
        "capacity": {**SIZE, "cpu": "16", "memory": "64Gi"},
        "allocatable": SIZE,
        "conditions": [{"type": each, "status": state} for each, state in states.items()],
        "nodeInfo": {**told, **ids, "kubeProxyVersion": ""},
        **changes,
    }
    metadata = {"name": name, "labels": labels}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": spec or {}, "status": status}


def nodes() -> list[Json]:
    """Workers of two pools, and one of each state that changes what a snapshot says of a node."""
    taint = {"key": "dedicated", "value": "gpu", "effect": "NoSchedule"}
    pools = [("gpu" if at < 2 else "web", f"eu-1{'abc'[at % 3]}") for at in range(len(WORKERS))]
    return [
        *(
            node(name, labels={"eks.amazonaws.com/nodegroup": pool, "topology.kubernetes.io/zone": zone, "pool": pool})
            for name, (pool, zone) in zip(WORKERS, pools, strict=True)
        ),
        node("tainted.example", spec={"taints": [taint]}, labels={"node-role.kubernetes.io/gpu": ""}),
        node("cordoned.example", spec={"unschedulable": True}),
        node("not-ready.example", conditions={"Ready": "Unknown", "MemoryPressure": "Unknown"}),
        node("pressed.example", conditions={"DiskPressure": "True"}),
        node("odd.example", capacity={"cpu": "3920m", "memory": "1.5Gi"}, allocatable=None),
        node("empty.example"),
    ]


def pod(name: str, node_name: str | None, **spec: Any) -> Json:
    """A pod of one container that is Running, or as `spec` says; `requests` and `limits` are the container's."""
    phase = spec.pop("phase", "Running")
    resources = {key: spec.pop(key) for key in ("requests", "limits") if key in spec}
    status = spec.pop("status", {})
    containers = [{"name": "app", "image": "x", "resources": resources}]
    content = {"containers": containers, **({"nodeName": node_name} if node_name else {}), **spec}
    metadata = {"name": name, "namespace": MADE_UP}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": content,
        "status": {"phase": phase, **status},
    }


def container(name: str, cpu: str, memory: str, **more: Any) -> Json:
    return {"name": name, "image": "x", "resources": {"requests": {"cpu": cpu, "memory": memory}}, **more}


def made_up_pods() -> list[Json]:
    """Every kind that counts in a way of its own, on several nodes, on none, and on one that is not there."""
    small = {"requests": {"cpu": "100m", "memory": "64Mi"}}
    sidecar = container("mesh", "50m", "40Mi", restartPolicy="Always")
    hugepages = {"cpu": "1", "memory": "1Gi", "hugepages-2Mi": "32Mi"}
    gpus = {"nvidia.com/gpu": "2", "cpu": "1", "memory": "2Gi", "ephemeral-storage": "10Gi"}
    resized = {
        "conditions": [{"type": "PodResizePending", "status": "True", "reason": "Infeasible"}],
        "containerStatuses": [
            {
                "name": "app",
                "image": "x",
                "imageID": "x",
                "ready": True,
                "restartCount": 0,
                "allocatedResources": {"cpu": "1", "memory": "1Gi"},
                "resources": {"requests": {"cpu": "1", "memory": "1Gi"}},
            }
        ],
    }
    return [
        *(pod(f"web-{at}", WORKERS[at % len(WORKERS)], **small) for at in range(16)),
        *(pod(f"mesh-{at}", WORKERS[at], initContainers=[sidecar, container("init", "1", "32Mi")]) for at in range(3)),
        pod("huge", "tainted.example", requests=hugepages, limits=hugepages),
        pod("gpus", "tainted.example", requests=gpus, limits=gpus),
        pod("whole", "cordoned.example", resources={"requests": {"cpu": "2"}, "limits": {"cpu": "4"}}, **small),
        pod("starting", "cordoned.example", phase="Pending", **small),
        pod("lost", "not-ready.example", phase="Unknown", **small),
        pod("resized", "pressed.example", requests={"cpu": "32", "memory": "1Gi"}, status=resized),
        pod("best-effort", "pressed.example"),
        pod("tenths", "odd.example", requests={"cpu": "0.1", "memory": "0.1Gi", "ephemeral-storage": "1e9"}),
        pod("done", "odd.example", phase="Succeeded", **small),
        pod("failed", "odd.example", phase="Failed", **small),
        pod("ending", "pressed.example", **small),
        pod("sandboxed", "odd.example", runtimeClassName="sandbox", **small),
        pod("waiting", None, phase="Pending", requests={"cpu": "64", "memory": "1Ti"}),
        pod("never", None, phase="Failed", **small),
        pod("orphan", GONE, **small),
    ]


ENDING = ("ending",)  # these are deleted, and stay: no kubelet ends them


def vectors() -> list[Json]:
    """Upstream's 34 pods with what its code makes of each."""
    found: list[Json] = json.loads((VECTORS / "pods-and-quantities.json").read_text())["pods"]
    return found


def vector_pods() -> list[Json]:
    """Their pods, each under its vector's name, over all workers."""
    found = []
    for at, vector in enumerate(vectors()):
        item = copy.deepcopy(vector["pod"])
        item["metadata"] = {"name": vector["name"], "namespace": VECTORS_NAMESPACE}
        item["spec"]["nodeName"] = WORKERS[at % len(WORKERS)]
        found.append(item)
    return found


def runtime_class(overhead: Mapping[str, str], name: str = "") -> Json:
    """Admission takes a pod's overhead only from a RuntimeClass of just that overhead."""
    name = name or "overhead-" + "-".join(overhead.values()).lower()
    content = {"handler": "x", "overhead": {"podFixed": dict(overhead)}}
    return {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": name}, **content}


class Refusals(NamedTuple):
    """What the API server would not take, by name, each with its reason."""

    vectors: dict[str, str]
    hard: dict[str, str]


def hard_objects() -> list[Json]:
    """The 40 nodes and 1,500 pods that are hard on every rule; the API server's validation refuses many."""
    items: list[Json] = json.loads(gzip.decompress((VECTORS / "cluster.json.gz").read_bytes()))["items"]
    return items


def fill(admin: Admin) -> Refusals:
    """Put it all there."""
    upstreams, hard = [_with_class(item) for item in vector_pods()], [_with_class(item) for item in hard_objects()]
    pods = [item for item in (*upstreams, *hard) if item["kind"] == "Pod"]
    for name in {MADE_UP, *(item["metadata"]["namespace"] for item in pods)}:
        admin.apply(namespace(name))
    admin.apply(runtime_class({"cpu": "250m", "memory": "120Mi"}, "sandbox"))
    for overhead in {name: item["spec"]["overhead"] for item in pods if (name := _class_of(item))}.values():
        admin.apply(runtime_class(overhead))
    for each in admin.put_all(nodes()):
        _take_off_admissions_taint(admin, each)
    admin.put_all(made_up_pods())
    for each in made_up_pods():
        if each["metadata"]["name"] in ENDING:
            admin.delete(each, now=False)
    return Refusals(_put_what_is_taken(admin, upstreams), _put_what_is_taken(admin, hard))


def _class_of(item: Json) -> str:
    overhead = item["spec"].get("overhead")
    return str(runtime_class(overhead)["metadata"]["name"]) if overhead else ""


def _with_class(item: Json) -> Json:
    """The pod with the RuntimeClass that its overhead needs."""
    return {**item, "spec": {**item["spec"], "runtimeClassName": name}} if (name := _class_of(item)) else item


def _put_what_is_taken(admin: Admin, items: list[Json]) -> dict[str, str]:
    """Gives the names of the others, each with the server's reason."""

    def put(item: Json) -> str:
        try:
            admin.put(item)
        except Refused as refused:
            return refused.message
        return ""

    with ThreadPoolExecutor(AT_ONCE) as pool:
        reasons = list(pool.map(put, items))
    return {item["metadata"]["name"]: reason for item, reason in zip(items, reasons, strict=True) if reason}


def _take_off_admissions_taint(admin: Admin, created: Json) -> None:
    """Admission taints every new node not-ready, and no controller is there to take it off again."""
    kept = [each for each in created["spec"].get("taints", []) if each["key"] != "node.kubernetes.io/not-ready"]
    is_ready = any(each["type"] == "Ready" and each["status"] == "True" for each in created["status"]["conditions"])
    if is_ready:
        admin.patch(created, {"spec": {"taints": kept or None}})


def service_account(name: str, space: str = "default") -> Json:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": space}}


def cluster_role(name: str, *resources: str) -> Json:
    """May list and watch these of the core group."""
    rules = [{"apiGroups": [""], "resources": list(resources), "verbs": ["list", "watch"]}] if resources else []
    return {"apiVersion": RBAC, "kind": "ClusterRole", "metadata": {"name": name}, "rules": rules}


def binding(name: str, space: str = "default") -> Json:
    """The ClusterRole of that name for the ServiceAccount of that name."""
    return {
        "apiVersion": RBAC,
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": RBAC.partition("/")[0], "kind": "ClusterRole", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": space}],
    }


def pod_named(name: str) -> Json:
    """A small pod of the default namespace."""
    return {**pod(name, WORKERS[0]), "metadata": {"name": name, "namespace": "default"}}


def fill_small(admin: Admin) -> None:
    """A node and six pods: for a cluster that a test has to itself."""
    admin.put_all([node(WORKERS[0]), *(pod_named(f"p{number}") for number in range(6))])
