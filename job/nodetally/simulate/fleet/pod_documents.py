"""A shape and a state in, a pod's document with placeholders out, as the API server would store it. Pure."""

from typing import Any, Literal

from nodetally.simulate.fleet.managed import managed_fields
from nodetally.simulate.fleet.shapes import Box, Shape, State, amounts
from nodetally.simulate.objects.stamps import Slots

Tree = dict[str, Any]
Role = Literal["sidecar", "init", "main"]
REGISTRY = "registry.example.com"
MAX_CONTAINERS = 7  # of one pod: as many container ids as a pod's digest gives
WAITING = {State.STARTING: "ContainerCreating", State.CRASHING: "CrashLoopBackOff"}
_MOUNTS = "/var/run/secrets/kubernetes.io/serviceaccount"
_QUALIFYING = ("cpu", "memory")  # what a QoS class looks at


def pod_document(shape: Shape, state: State, slots: Slots) -> Tree:
    """The document; `slots` has name, ns, hash, uid, owner, version, node, zone, ip, host_ip, id0…, t0…t2."""
    content: Tree = {
        "metadata": _metadata(shape, state, slots),
        "spec": _spec(shape, state, slots),
        "status": _status(shape, state, slots),
    }
    content["metadata"]["managedFields"] = _managed(content, slots)
    return content


def _present(found: Tree, keep: str = "") -> Tree:
    """Without the fields that are not written when empty; `keep` is."""
    return {
        name: value for name, value in found.items() if name == keep or not (value is False or value in ("", {}, []))
    }


def _namespace(shape: Shape, slots: Slots) -> str:
    return shape.namespace or slots["ns"]


def _metadata(shape: Shape, state: State, slots: Slots) -> Tree:
    leaving = state == State.TERMINATING
    return _present(
        {
            "name": slots["name"],
            "generateName": _prefix(shape, slots),
            "namespace": _namespace(shape, slots),
            "uid": slots["uid"],
            "resourceVersion": slots["version"],
            "generation": 2 if state.is_resized else 1,
            "creationTimestamp": slots["t0"],
            "labels": _labels(shape, state, slots),
            "annotations": _annotations(shape),
            "ownerReferences": [_owner(shape, slots)],
            "deletionTimestamp": slots["t2"] if leaving else "",
            "deletionGracePeriodSeconds": 30 if leaving else "",
            "finalizers": ["batch.kubernetes.io/job-tracking"] if shape.owner == "Job" else [],
        }
    )


def _prefix(shape: Shape, slots: Slots) -> str:
    if shape.owner in ("ReplicaSet", "Job"):
        return f"{shape.stem}-{slots['hash']}-"
    return f"{shape.stem}-" if shape.owner == "DaemonSet" else ""


def _labels(shape: Shape, state: State, slots: Slots) -> Tree:
    found = {
        "app.kubernetes.io/instance": shape.stem,
        "app.kubernetes.io/managed-by": "Helm",
        "app.kubernetes.io/name": shape.stem,
        "app.kubernetes.io/part-of": _namespace(shape, slots),
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
    metadata |= {"generateName": ""} if "generateName" in content["metadata"] else {}
    status = {name: value for name, value in content["status"].items() if name != "qosClass"}
    return [
        managed_fields("kube-controller-manager", slots["t0"], {"metadata": metadata, "spec": content["spec"]}),
        managed_fields("kubelet", slots["t2"], {"status": status}, "status"),
    ]


def _resources(requests: str, limits: str) -> Tree:
    """As stored: what is not requested but limited is requested, as the API server's defaults have it."""
    return _present({"limits": amounts(limits), "requests": dict(sorted(amounts(requests or limits).items()))})


def _spec(shape: Shape, state: State, slots: Slots) -> Tree:
    sidecars = [_container(box) | {"restartPolicy": "Always"} for box in shape.sidecars]
    return _present(
        {
            "volumes": _volumes(shape),
            "initContainers": sidecars + [_container(box) for box in shape.init],
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
    )


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
    return _present(found, keep="resources")


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
    evicted = state == State.FAILED and shape.owner != "Job"
    found: Tree = {
        "phase": state.phase,
        "conditions": _conditions(state, slots),
        "reason": "Evicted" if evicted else "",
        "message": "The node was low on resource: ephemeral-storage." if evicted else "",
    }
    if state != State.UNSCHEDULED:
        found |= _reported(shape, state, slots)
    return _present(found | {"qosClass": _quality(shape)})


def _reported(shape: Shape, state: State, slots: Slots) -> Tree:
    """What the kubelet says of a pod on its node."""
    host = slots["host_ip"]
    ip = "" if state == State.STARTING else host if shape.host_network else slots["ip"]
    boxes: list[tuple[Role, Box]] = [
        *(("sidecar", box) for box in shape.sidecars),
        *(("init", box) for box in shape.init),
        *(("main", box) for box in shape.boxes),
    ]
    ids = [f"containerd://{slots[f'id{number}']}" for number in range(len(boxes))]
    statuses = [_container_status(*each, state, own_id, slots) for each, own_id in zip(boxes, ids, strict=True)]
    first = len(statuses) - len(shape.boxes)
    return {
        "hostIP": host,
        "hostIPs": [{"ip": host}],
        "startTime": slots["t1"],
        "podIP": ip,
        "podIPs": [{"ip": ip}] if ip else [],
        "initContainerStatuses": statuses[:first],
        "allocatedResources": amounts(shape.pod_requests),
        "resources": _resources(shape.pod_requests, shape.pod_limits),
        "containerStatuses": statuses[first:],
    }


def _conditions(state: State, slots: Slots) -> list[Tree]:
    if state == State.UNSCHEDULED:
        message = "0/3 nodes are available: 3 Insufficient memory. preemption: 0/3 nodes are available."
        return [_condition("PodScheduled", "False", slots["t1"], "Unschedulable", message)]
    ready = "True" if state.is_up else "False"
    reason = "PodCompleted" if state == State.SUCCEEDED else "" if state.is_up else "ContainersNotReady"
    found = [
        _condition("PodReadyToStartContainers", "False" if state.is_terminal else "True", slots["t1"]),
        _condition("Initialized", "True", slots["t1"]),
        _condition("Ready", ready, slots["t2"], reason),
        _condition("ContainersReady", ready, slots["t2"], reason),
        _condition("PodScheduled", "True", slots["t0"]),
    ]
    if state.is_waiting_for_resize:
        pending = "Deferred" if state == State.RESIZE_DEFERRED else "Infeasible"
        found.append(_condition("PodResizePending", "True", slots["t2"], pending, "Node didn't have enough capacity"))
    elif state == State.SHRINKING:
        found.append(_condition("PodResizeInProgress", "True", slots["t2"]))
    return found


def _condition(kind: str, status: str, since: str, reason: str = "", message: str = "") -> Tree:
    times = {"lastProbeTime": None, "lastTransitionTime": since}
    return _present({"type": kind, "status": status, **times, "reason": reason, "message": message})


def _container_status(role: Role, box: Box, state: State, container_id: str, slots: Slots) -> Tree:
    found: Tree = {
        "name": box.name,
        "state": _container_state(role, state, container_id, slots),
        "lastState": {},
        "ready": role == "init" or state.is_up,
        "restartCount": 17 if state == State.CRASHING and role == "main" else 0,
        "image": f"{REGISTRY}/platform/{box.name}:v2.{box.settings}.1",
        "imageID": f"{REGISTRY}/platform/{box.name}@sha256:{box.settings:064x}",
        "containerID": container_id,
        "started": state.is_up,
        "volumeMounts": [
            {"name": "config", "mountPath": f"/etc/{box.name}", "readOnly": True, "recursiveReadOnly": "Disabled"},
            {"name": "kube-api-access", "mountPath": _MOUNTS, "readOnly": True, "recursiveReadOnly": "Disabled"},
        ],
        "user": {"linux": {"uid": 1000, "gid": 1000, "supplementalGroups": [2000]}},
    }
    return found | _actual(box, state) if state.is_up and role != "init" else found


def _container_state(role: Role, state: State, container_id: str, slots: Slots) -> Tree:
    if role == "init" or state.is_terminal:
        failed = role != "init" and state == State.FAILED
        end = {"exitCode": 137, "reason": "Error"} if failed else {"exitCode": 0, "reason": "Completed"}
        times = {"startedAt": slots["t1"], "finishedAt": slots["t2"]}
        return {"terminated": end | times | {"containerID": container_id}}
    if state in WAITING:
        return {"waiting": {"reason": WAITING[state]}}
    return {"running": {"startedAt": slots["t1"]}}


def _actual(box: Box, state: State) -> Tree:
    """What the kubelet gave the container: less than asked for while a resize waits, more while it shrinks."""
    resources = _resources(box.requests, box.limits)
    requests = resources.get("requests", {})
    if state.is_resized and "cpu" in requests:
        requests = requests | {"cpu": "10m" if state.is_waiting_for_resize else "3"}
        resources = resources | {"requests": requests}
    return _present({"allocatedResources": requests, "resources": resources})


def _quality(shape: Shape) -> str:
    """The QoS class (qos.go): all containers, cpu and memory only."""
    boxes = (*shape.boxes, *shape.init, *shape.sidecars)
    both = [(amounts(box.requests or box.limits), amounts(box.limits)) for box in boxes]
    if shape.pod_requests:
        both = [(amounts(shape.pod_requests), amounts(shape.pod_limits))]
    if not any(requests or limits for requests, limits in both):
        return "BestEffort"
    same = all(requests.get(name) == limits.get(name) is not None for requests, limits in both for name in _QUALIFYING)
    return "Guaranteed" if same else "Burstable"
