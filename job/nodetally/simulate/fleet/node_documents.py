"""A machine, a cloud and a condition in, a node's document with placeholders out, as the API server would store it."""

from enum import IntEnum
from typing import Any, NamedTuple

from nodetally.simulate.api.discovery import GIT_VERSION
from nodetally.simulate.fleet.machines import Cloud, Machine
from nodetally.simulate.fleet.managed import managed_fields
from nodetally.simulate.objects.stamps import Slots

Tree = dict[str, Any]
IMAGES = 24  # that a node lists; a kubelet reports up to 50 (node-status-max-images)
_OS_IMAGES = {"eks": "Amazon Linux 2023.9.20261014", "gke": "Container-Optimized OS from Google", "aks": "Ubuntu 24.04"}
_SUFFIXES = {"eks": "-eks-3abbec1", "gke": "-gke.1304000", "aks": ""}
_LOST = ("node.kubernetes.io/unreachable", "node.kubernetes.io/not-ready")


class Condition(IntEnum):
    """What is the matter with a node."""

    READY = 0
    CORDONED = 1
    NOT_READY = 2
    DISK_PRESSURE = 3


class Pool(NamedTuple):
    """Nodes that were ordered together."""

    name: str  # of six characters, since it is part of node names on some clouds
    machine: Machine
    spot: bool
    karpenter: bool  # made by Karpenter, not by a node group; EKS only


def node_document(pool: Pool, cloud: Cloud, region: str, condition: Condition, slots: Slots) -> Tree:
    """The document; `slots` has name, uid, version, zone, ip, instance, machine, system, boot, t0 (created), t1."""
    content: Tree = {
        "metadata": {
            "name": slots["name"],
            "uid": slots["uid"],
            "resourceVersion": slots["version"],
            "creationTimestamp": slots["t0"],
            "labels": dict(sorted((_labels(pool, cloud, region, slots) | _CLOUD_LABELS[cloud](pool)).items())),
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


def _labels(pool: Pool, cloud: Cloud, region: str, slots: Slots) -> Tree:
    instance_type = pool.machine.instance_type(cloud)
    return {
        "beta.kubernetes.io/arch": "amd64",
        "beta.kubernetes.io/instance-type": instance_type,
        "beta.kubernetes.io/os": "linux",
        "failure-domain.beta.kubernetes.io/region": region,
        "failure-domain.beta.kubernetes.io/zone": slots["zone"],
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": slots["name"],
        "kubernetes.io/os": "linux",
        "node.kubernetes.io/instance-type": instance_type,
        "topology.kubernetes.io/region": region,
        "topology.kubernetes.io/zone": slots["zone"],
    }


def _eks_labels(pool: Pool) -> Tree:
    if pool.karpenter:
        return {
            "karpenter.sh/nodepool": pool.name,
            "karpenter.sh/capacity-type": "spot" if pool.spot else "on-demand",
            "karpenter.sh/initialized": "true",
            "karpenter.sh/registered": "true",
            "karpenter.k8s.aws/instance-cpu": str(pool.machine.cpus),
        }
    return {
        "eks.amazonaws.com/nodegroup": pool.name,
        "eks.amazonaws.com/capacityType": "SPOT" if pool.spot else "ON_DEMAND",
        "eks.amazonaws.com/nodegroup-image": "ami-0f1e2d3c4b5a69788",
    }


def _gke_labels(pool: Pool) -> Tree:
    spot = {"cloud.google.com/gke-spot": "true"} if pool.spot else {}
    provisioning = "spot" if pool.spot else "standard"
    return {
        "cloud.google.com/gke-nodepool": pool.name,
        "cloud.google.com/gke-provisioning": provisioning,
        "cloud.google.com/gke-os-distribution": "cos",
    } | spot


def _aks_labels(pool: Pool) -> Tree:
    priority = {"kubernetes.azure.com/scalesetpriority": "spot"} if pool.spot else {}
    return {
        "agentpool": pool.name,
        "kubernetes.azure.com/agentpool": pool.name,
        "kubernetes.azure.com/mode": "user",
        "kubernetes.io/role": "agent",
        "node-role.kubernetes.io/agent": "",
    } | priority


_CLOUD_LABELS = {"eks": _eks_labels, "gke": _gke_labels, "aks": _aks_labels}


def _spec(pool: Pool, cloud: Cloud, condition: Condition, slots: Slots) -> Tree:
    provider = {
        "eks": f"aws:///{slots['zone']}/i-{slots['instance']}",
        "gke": f"gce://example-project/{slots['zone']}/{slots['name']}",
        "aks": f"azure:///subscriptions/{slots['system']}/virtualMachines/{slots['name']}",
    }[cloud]
    found: Tree = {"providerID": provider}
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
            "kernelVersion": "6.12.46-66.121.amzn2023.x86_64" if cloud == "eks" else "6.12.0-1021",
            "osImage": _OS_IMAGES[cloud],
            "containerRuntimeVersion": "containerd://2.1.4",
            "kubeletVersion": GIT_VERSION + _SUFFIXES[cloud],
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
