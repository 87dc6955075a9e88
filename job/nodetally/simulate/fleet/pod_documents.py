"""A shape and a state in, a pod's document with placeholders out, as the API server would store it. Pure."""

from typing import Any

from nodetally.simulate.fleet.managed import managed_fields, owned
from nodetally.simulate.fleet.shapes import PHASES, TERMINAL, Box, Shape, State, amounts
from nodetally.simulate.objects.stamps import Slots

Tree = dict[str, Any]
REGISTRY = "registry.example.com"
MAX_CONTAINERS = 7  # of one pod: as many container ids as a pod's digest gives
WAITING = {State.STARTING: "ContainerCreating", State.CRASHING: "CrashLoopBackOff"}
_MOUNTS = "/var/run/secrets/kubernetes.io/serviceaccount"
_RESIZING = frozenset({State.RESIZE_DEFERRED, State.RESIZE_INFEASIBLE})


def pod_document(shape: Shape, state: State, slots: Slots) -> Tree:
    """The document; `slots` has name, ns, hash, uid, owner, version, node, zone, ip, host_ip, id0…, t0…t2."""
    content: Tree = {
        "metadata": _metadata(shape, state, slots),
        "spec": _spec(shape, state, slots),
        "status": _status(shape, state, slots),
    }
    content["metadata"]["managedFields"] = _managed(content, slots)
    return content


def namespace_of(shape: Shape, slots: Slots) -> str:
    return shape.namespace or slots["ns"]


def _metadata(shape: Shape, state: State, slots: Slots) -> Tree:
    found: Tree = {
        "name": slots["name"],
        "generateName": _prefix(shape, slots),
        "namespace": namespace_of(shape, slots),
        "uid": slots["uid"],
        "resourceVersion": slots["version"],
        "generation": 2 if state in (*_RESIZING, State.SHRINKING) else 1,
        "creationTimestamp": slots["t0"],
        "labels": _labels(shape, state, slots),
        "annotations": _annotations(shape),
        "ownerReferences": [_owner(shape, slots)],
    }
    if state == State.TERMINATING:
        found |= {"deletionTimestamp": slots["t2"], "deletionGracePeriodSeconds": 30}
    if shape.owner == "Job":
        found["finalizers"] = ["batch.kubernetes.io/job-tracking"]
    return {name: value for name, value in found.items() if value != ""}


def _prefix(shape: Shape, slots: Slots) -> str:
    if shape.owner in ("ReplicaSet", "Job"):
        return f"{shape.stem}-{slots['hash']}-"
    return f"{shape.stem}-" if shape.owner == "DaemonSet" else ""


def _labels(shape: Shape, state: State, slots: Slots) -> Tree:
    found = {
        "app.kubernetes.io/instance": shape.stem,
        "app.kubernetes.io/managed-by": "Helm",
        "app.kubernetes.io/name": shape.stem,
        "app.kubernetes.io/part-of": namespace_of(shape, slots),
        "helm.sh/chart": f"{shape.stem}-3.14.1",
    }
    if shape.owner == "ReplicaSet":
        found["pod-template-hash"] = slots["hash"]
    elif shape.owner == "Job":
        found["batch.kubernetes.io/job-name"] = f"{shape.stem}-{slots['hash']}"
    else:
        found["controller-revision-hash"] = slots["hash"]
    if state != State.UNSCHEDULED:
        found["topology.kubernetes.io/zone"] = slots["zone"]
    return found


def _annotations(shape: Shape) -> Tree:
    found = {
        "checksum/config": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "kubectl.kubernetes.io/default-container": shape.boxes[0].name,
        "kubernetes.io/config.seen": "2026-11-02T08:14:31.402117953Z",
        "prometheus.io/port": "9090",
        "prometheus.io/scrape": "true",
    }
    if any(box.name == "istio-proxy" for box in shape.sidecars):
        found["sidecar.istio.io/status"] = (
            '{"initContainers":["istio-validation"],"containers":["istio-proxy"],"volumes":["workload-socket",'
            '"workload-certs","istio-envoy","istio-data","istio-podinfo","istio-token","istiod-ca-cert"]}'
        )
    return found


def _owner(shape: Shape, slots: Slots) -> Tree:
    api = {"Job": "batch/v1"}.get(shape.owner, "apps/v1")
    name = f"{shape.stem}-{slots['hash']}" if shape.owner in ("ReplicaSet", "Job") else shape.stem
    reference = {"apiVersion": api, "kind": shape.owner, "name": name, "uid": slots["owner"]}
    return reference | {"controller": True, "blockOwnerDeletion": True}


def _managed(content: Tree, slots: Slots) -> list[Tree]:
    metadata = {name: content["metadata"][name] for name in ("annotations", "labels", "ownerReferences")}
    metadata = {"generateName": ""} | metadata if "generateName" in content["metadata"] else metadata
    written = owned({"metadata": metadata, "spec": content["spec"]})
    del written["f:metadata"]["."], written["f:spec"]["."]
    status = {name: value for name, value in content["status"].items() if name != "qosClass"}
    reported = owned({"status": status})
    del reported["f:status"]["."]
    return [
        managed_fields("kube-controller-manager", slots["t0"], written),
        managed_fields("kubelet", slots["t2"], reported, "status"),
    ]


def _resources(requests: str, limits: str) -> Tree:
    """As stored: what is not requested but limited is requested, as the API server's defaults have it."""
    limited, requested = amounts(limits), amounts(requests)
    found = {"limits": limited, "requests": dict(sorted((limited | requested if not requests else requested).items()))}
    return {name: value for name, value in found.items() if value}


def _spec(shape: Shape, state: State, slots: Slots) -> Tree:
    init = [_container(box) | {"restartPolicy": "Always"} for box in shape.sidecars] + [
        _container(b) for b in shape.init
    ]
    found: Tree = {
        "volumes": _volumes(shape),
        "initContainers": init,
        "containers": [_container(box) for box in shape.boxes],
        "restartPolicy": "Never" if shape.owner == "Job" else "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirstWithHostNet" if shape.host_network else "ClusterFirst",
        "serviceAccountName": shape.stem,
        "serviceAccount": shape.stem,
        "nodeName": "" if state == State.UNSCHEDULED else slots["node"],
        "hostNetwork": shape.host_network,
        "securityContext": {"fsGroup": 2000, "runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "imagePullSecrets": [{"name": "registry-credentials"}],
        "affinity": _affinity(shape),
        "schedulerName": "default-scheduler",
        "tolerations": _tolerations(shape),
        "priorityClassName": shape.priority,
        "priority": 2_000_001_000 if shape.priority.startswith("system") else 0,
        "runtimeClassName": shape.runtime_class,
        "enableServiceLinks": True,
        "preemptionPolicy": "PreemptLowerPriority",
        "overhead": amounts(shape.overhead),
        "topologySpreadConstraints": _spread(shape),
        "resources": _resources(shape.pod_requests, shape.pod_limits),
    }
    return {name: value for name, value in found.items() if value is not False and value not in ("", {}, [])}


def _container(box: Box) -> Tree:
    found: Tree = {
        "name": box.name,
        "image": f"{REGISTRY}/platform/{box.name}:v2.{box.settings}.1",
        "args": ["--port=8080", "--log-level=info", f"--config=/etc/{box.name}/config.yaml"],
        "ports": _ports(box),
        "env": _environment(box),
        "resources": _resources(box.requests, box.limits),
        "volumeMounts": [
            {"name": "config", "readOnly": True, "mountPath": f"/etc/{box.name}"},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 -- a mount inside a simulated container
            {"name": "kube-api-access", "readOnly": True, "mountPath": _MOUNTS},
        ],
        "livenessProbe": _probe("/healthz", 10) if box.probes else {},
        "readinessProbe": _probe("/ready", 5) if box.probes else {},
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "imagePullPolicy": "IfNotPresent",
        "securityContext": {
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
        },
    }
    return {name: value for name, value in found.items() if value or name == "resources"}


def _ports(box: Box) -> list[Tree]:
    ports = (("http", 8080), ("metrics", 9090)) if box.probes else ()
    return [{"name": name, "containerPort": port, "protocol": "TCP"} for name, port in ports]


def _environment(box: Box) -> list[Tree]:
    prefix = box.name.replace("-", "_").upper()
    plain = [
        {"name": f"{prefix}_SETTING_{number}", "value": f"https://service-{number}.svc.cluster.local:8443/v1"}
        for number in range(box.settings)
    ]
    return [
        *plain,
        {"name": "POD_IP", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "status.podIP"}}},
        {"name": "DB_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "database", "key": "password"}}},
    ]


def _probe(path: str, period_seconds: int) -> Tree:
    times = {"timeoutSeconds": 1, "periodSeconds": period_seconds, "successThreshold": 1, "failureThreshold": 3}
    return {"httpGet": {"path": path, "port": "http", "scheme": "HTTP"}} | times


def _volumes(shape: Shape) -> list[Tree]:
    token = {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}}
    authority = {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}}
    field = {"apiVersion": "v1", "fieldPath": "metadata.namespace"}
    namespace = {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": field}]}}
    return [
        {"name": "config", "configMap": {"name": shape.stem, "defaultMode": 420}},
        {"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}},
        {"name": "kube-api-access", "projected": {"sources": [token, authority, namespace], "defaultMode": 420}},
    ]


def _affinity(shape: Shape) -> Tree:
    if shape.owner != "DaemonSet":
        return {}
    term = {"matchExpressions": [{"key": "kubernetes.io/os", "operator": "In", "values": ["linux"]}]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}}


def _tolerations(shape: Shape) -> list[Tree]:
    if shape.owner == "DaemonSet":
        return [{"operator": "Exists"}]
    lost = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
    found = [{"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300} for key in lost]
    if shape.node_class != "general":
        found.append({"key": "dedicated", "operator": "Exists", "effect": "NoSchedule"})
    return found


def _spread(shape: Shape) -> list[Tree]:
    if shape.owner != "ReplicaSet":
        return []
    labels = {"matchLabels": {"app.kubernetes.io/name": shape.stem}}
    rule = {"maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "ScheduleAnyway"}
    return [rule | {"labelSelector": labels}]


def _status(shape: Shape, state: State, slots: Slots) -> Tree:
    found: Tree = {"phase": PHASES.get(state, "Running"), "conditions": _conditions(state, slots)}
    if state == State.FAILED and shape.owner != "Job":
        found |= {"reason": "Evicted", "message": "The node was low on resource: ephemeral-storage."}
    if state == State.UNSCHEDULED:
        return found | {"qosClass": _quality(shape)}
    found |= {"hostIP": slots["host_ip"], "hostIPs": [{"ip": slots["host_ip"]}], "startTime": slots["t1"]}
    if state != State.STARTING:
        ip = slots["host_ip"] if shape.host_network else slots["ip"]
        found |= {"podIP": ip, "podIPs": [{"ip": ip}]}
    if shape.sidecars or shape.init:
        before = [_container_status(box, state, slots, index, sidecar=True) for index, box in enumerate(shape.sidecars)]
        places = enumerate(shape.init, len(before))
        before += [_container_status(box, state, slots, index, done=True) for index, box in places]
        found["initContainerStatuses"] = before
    start = len(shape.sidecars) + len(shape.init)
    statuses = [_container_status(box, state, slots, index) for index, box in enumerate(shape.boxes, start)]
    if shape.pod_requests:
        found |= {"allocatedResources": amounts(shape.pod_requests)}
        found |= {"resources": _resources(shape.pod_requests, shape.pod_limits)}
    return found | {"containerStatuses": statuses, "qosClass": _quality(shape)}


def _conditions(state: State, slots: Slots) -> list[Tree]:
    if state == State.UNSCHEDULED:
        message = "0/3 nodes are available: 3 Insufficient memory. preemption: 0/3 nodes are available."
        return [_condition("PodScheduled", "False", slots["t1"], "Unschedulable", message)]
    up = state not in (State.STARTING, State.CRASHING, *TERMINAL)
    reason = "PodCompleted" if state == State.SUCCEEDED else "" if up else "ContainersNotReady"
    found = [
        _condition("PodReadyToStartContainers", "False" if state in TERMINAL else "True", slots["t1"]),
        _condition("Initialized", "True", slots["t1"]),
        _condition("Ready", "True" if up else "False", slots["t2"], reason),
        _condition("ContainersReady", "True" if up else "False", slots["t2"], reason),
        _condition("PodScheduled", "True", slots["t0"]),
    ]
    if state in _RESIZING:
        pending = "Deferred" if state == State.RESIZE_DEFERRED else "Infeasible"
        found.append(_condition("PodResizePending", "True", slots["t2"], pending, "Node didn't have enough capacity"))
    elif state == State.SHRINKING:
        found.append(_condition("PodResizeInProgress", "True", slots["t2"]))
    return found


def _condition(kind: str, status: str, since: str, reason: str = "", message: str = "") -> Tree:
    found = {"type": kind, "status": status, "lastProbeTime": None, "lastTransitionTime": since}
    return found | ({"reason": reason} if reason else {}) | ({"message": message} if message else {})


def _container_status(
    box: Box, state: State, slots: Slots, index: int, *, sidecar: bool = False, done: bool = False
) -> Tree:
    running = state not in (State.STARTING, State.CRASHING, *TERMINAL)
    found: Tree = {
        "name": box.name,
        "state": _container_state(state, slots, index, done=done),
        "lastState": {},
        "ready": done if done else running,
        "restartCount": 17 if state == State.CRASHING and not (sidecar or done) else 0,
        "image": f"{REGISTRY}/platform/{box.name}:v2.{box.settings}.1",
        "imageID": f"{REGISTRY}/platform/{box.name}@sha256:{box.settings:064x}",
        "containerID": f"containerd://{slots[f'id{index}']}",
        "started": running,
        "volumeMounts": [
            {"name": "config", "mountPath": f"/etc/{box.name}", "readOnly": True, "recursiveReadOnly": "Disabled"},
            {"name": "kube-api-access", "mountPath": _MOUNTS, "readOnly": True, "recursiveReadOnly": "Disabled"},
        ],
        "user": {"linux": {"uid": 1000, "gid": 1000, "supplementalGroups": [2000]}},
    }
    if running and not done:
        found |= _actual(box, state)
    return found


def _container_state(state: State, slots: Slots, index: int, *, done: bool) -> Tree:
    ended = done or state in TERMINAL
    if state in WAITING and not done:
        return {"waiting": {"reason": WAITING[state]}}
    if not ended:
        return {"running": {"startedAt": slots["t1"]}}
    failed = state == State.FAILED and not done
    reason = {"exitCode": 137, "reason": "Error"} if failed else {"exitCode": 0, "reason": "Completed"}
    times = {"startedAt": slots["t1"], "finishedAt": slots["t2"]}
    return {"terminated": reason | times | {"containerID": f"containerd://{slots[f'id{index}']}"}}


def _actual(box: Box, state: State) -> Tree:
    """What the kubelet gave the container: less than asked for while a resize waits, more while it shrinks."""
    resources = _resources(box.requests, box.limits)
    if state in (*_RESIZING, State.SHRINKING) and "cpu" in resources.get("requests", {}):
        cpu = "10m" if state in _RESIZING else "3"
        resources = {**resources, "requests": resources["requests"] | {"cpu": cpu}}
    found = {"allocatedResources": resources.get("requests", {}), "resources": resources}
    return {name: value for name, value in found.items() if value}


def _quality(shape: Shape) -> str:
    """The QoS class (qos.go): all containers, cpu and memory only."""
    boxes = (*shape.boxes, *shape.init, *shape.sidecars)
    both = [(amounts(box.requests) or amounts(box.limits), amounts(box.limits)) for box in boxes]
    if shape.pod_requests:
        both = [(amounts(shape.pod_requests), amounts(shape.pod_limits))]
    if not any(requests or limits for requests, limits in both):
        return "BestEffort"
    same = all(requests.get(name) == limits.get(name) is not None for requests, limits in both for name in _COUNTED)
    return "Guaranteed" if same else "Burstable"


_COUNTED = ("cpu", "memory")
