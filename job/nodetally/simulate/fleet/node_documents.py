"""A machine, a cloud and a condition in, a node's document with placeholders out, as the API server would store it."""

from enum import IntEnum
from typing import Any

from nodetally.simulate.behaviour import RELEASE
from nodetally.simulate.fleet.clouds import Cloud
from nodetally.simulate.fleet.machines import Machine, Pool
from nodetally.simulate.fleet.managed import managed_fields
from nodetally.simulate.objects.stamps import Slots

Tree = dict[str, Any]
IMAGES = 24  # that a node lists; a kubelet reports up to 50 (node-status-max-images)
_LOST = ("node.kubernetes.io/unreachable", "node.kubernetes.io/not-ready")


class Condition(IntEnum):
    """What is the matter with a node."""

    READY = 0
    CORDONED = 1
    NOT_READY = 2
    DISK_PRESSURE = 3


def node_document(pool: Pool, cloud: Cloud, condition: Condition, slots: Slots) -> Tree:
    """The document; `slots` has name, uid, version, zone, ip, instance, machine, system, boot, t0 (created), t1."""
    content: Tree = {
        "metadata": {
            "name": slots["name"],
            "uid": slots["uid"],
            "resourceVersion": slots["version"],
            "creationTimestamp": slots["t0"],
            "labels": dict(sorted((_labels(pool, cloud, slots) | cloud.labels(pool)).items())),
            "annotations": {
                "node.alpha.kubernetes.io/ttl": "0",
                "volumes.kubernetes.io/controller-managed-attach-detach": "true",
            },
        },
        "spec": _spec(pool, cloud, condition, slots),
        "status": _status(pool.machine, cloud, condition, slots),
    }
    content["metadata"]["managedFields"] = _managed(content, slots)
    return content


def _labels(pool: Pool, cloud: Cloud, slots: Slots) -> Tree:
    instance_type = cloud.instance_type(pool.machine)
    return {
        "beta.kubernetes.io/arch": "amd64",
        "beta.kubernetes.io/instance-type": instance_type,
        "beta.kubernetes.io/os": "linux",
        "failure-domain.beta.kubernetes.io/region": cloud.region,
        "failure-domain.beta.kubernetes.io/zone": slots["zone"],
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": slots["name"],
        "kubernetes.io/os": "linux",
        "node.kubernetes.io/instance-type": instance_type,
        "topology.kubernetes.io/region": cloud.region,
        "topology.kubernetes.io/zone": slots["zone"],
    }


def _spec(pool: Pool, cloud: Cloud, condition: Condition, slots: Slots) -> Tree:
    found: Tree = {"providerID": cloud.provider_id(slots)}
    if condition == Condition.CORDONED:
        found["unschedulable"] = True
    taints = _taints(pool, condition, slots)
    return found | ({"taints": taints} if taints else {})


def _taints(pool: Pool, condition: Condition, slots: Slots) -> list[Tree]:
    found: list[Tree] = []
    if pool.machine.node_class != "general":
        found.append({"key": "dedicated", "value": pool.machine.node_class, "effect": "NoSchedule"})
    if condition == Condition.CORDONED:
        found.append({"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule", "timeAdded": slots["t1"]})
    if condition == Condition.NOT_READY:
        found += [
            {"key": _LOST[0], "effect": effect, "timeAdded": slots["t1"]} for effect in ("NoSchedule", "NoExecute")
        ]
    if condition == Condition.DISK_PRESSURE:
        found.append({"key": "node.kubernetes.io/disk-pressure", "effect": "NoSchedule", "timeAdded": slots["t1"]})
    return found


def _status(machine: Machine, cloud: Cloud, condition: Condition, slots: Slots) -> Tree:
    return {
        "capacity": machine.capacity(),
        "allocatable": machine.allocatable(),
        "conditions": _conditions(condition, slots),
        "addresses": [
            {"type": "InternalIP", "address": slots["ip"]},
            {"type": "InternalDNS", "address": slots["name"]},
            {"type": "Hostname", "address": slots["name"]},
        ],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
        "nodeInfo": {
            "machineID": slots["machine"],
            "systemUUID": slots["system"],
            "bootID": slots["boot"],
            "kernelVersion": cloud.kernel,
            "osImage": cloud.os_image,
            "containerRuntimeVersion": "containerd://2.1.4",
            "kubeletVersion": RELEASE + cloud.kubelet_suffix,
            "kubeProxyVersion": "",
            "operatingSystem": "linux",
            "architecture": "amd64",
        },
        "images": [_image(number) for number in range(IMAGES)],
        "runtimeHandlers": [{"name": "runc", "features": {"recursiveReadOnlyMounts": True, "userNamespaces": True}}],
        "features": {"supplementalGroupsPolicy": True},
    }


def _conditions(condition: Condition, slots: Slots) -> list[Tree]:
    lost = condition == Condition.NOT_READY
    full = condition == Condition.DISK_PRESSURE
    quiet = "Unknown" if lost else "False"
    silent = ("NodeStatusUnknown", "Kubelet stopped posting node status.")
    rows = (
        ("MemoryPressure", quiet, "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        ("DiskPressure", "True", "KubeletHasDiskPressure", "kubelet has disk pressure")
        if full
        else ("DiskPressure", quiet, "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        ("PIDPressure", quiet, "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        ("Ready", "Unknown" if lost else "True", "KubeletReady", "kubelet is posting ready status"),
    )
    return [
        {"type": kind, "status": status, "lastHeartbeatTime": slots["t1"], "lastTransitionTime": slots["t0"]}
        | dict(zip(("reason", "message"), silent if lost else why, strict=True))
        for kind, status, *why in rows
    ]


def _image(number: int) -> Tree:
    repository, digest = f"registry.example.com/platform/service-{number:02d}", f"{0xA5F0 * (number + 3):064x}"
    names = [f"{repository}@sha256:{digest}", f"{repository}:v2.{number}.1"]
    return {"names": names, "sizeBytes": 104_857_600 + 7_340_033 * number}


def _managed(content: Tree, slots: Slots) -> list[Tree]:
    metadata = {name: content["metadata"][name] for name in ("annotations", "labels")}
    status = {name: content["status"][name] for name in ("allocatable", "capacity", "conditions", "nodeInfo")}
    return [
        managed_fields("kubelet", slots["t0"], {"metadata": metadata, "spec": content["spec"]}),
        managed_fields("kubelet", slots["t1"], {"status": status | {"images": []}}, "status"),
    ]
