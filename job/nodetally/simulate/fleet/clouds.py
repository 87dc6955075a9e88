"""What differs between the clouds: regions, catalogues, names of nodes, labels. Data, and what is made of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

from nodetally.simulate.fleet.machines import FAMILIES, Machine, Pool
from nodetally.simulate.objects.stamps import Slots

Labels = dict[str, str]
_EKS_SIZES = {2: "large", 4: "xlarge"}
_EKS_LETTERS = {"compute": "c6i", "general": "m6i", "memory": "r6i", "gpu": "g5"}
_GKE_LETTERS = {
    "compute": "n2-highcpu-{}",
    "general": "n2-standard-{}",
    "memory": "n2-highmem-{}",
    "gpu": "a2-highgpu-{}",
}
_AKS_LETTERS = {"compute": "F{}s_v2", "general": "D{}s_v5", "memory": "E{}s_v5", "gpu": "NC{}ads_A100_v4"}


@dataclass(frozen=True)
class Cloud:
    """One cloud's ways. Names of its zones and of its nodes are of one length each, so that a template fits all."""

    region: str
    zones: tuple[str, ...]
    os_image: str
    kernel: str
    kubelet_suffix: str
    instance_type: Callable[[Machine], str]  # in its catalogue
    node_name: Callable[[Pool, str, Random], str]  # of a node of that pool with that address
    provider_id: Callable[[Slots], str]
    labels: Callable[[Pool], Labels]  # beside those that nodes have everywhere
    karpenter_share: float = 0.0  # of the pools; the others are node groups


def _family(machine: Machine) -> str:
    return "gpu" if machine.gpus else FAMILIES[machine.gib_per_cpu]


def _eks_type(machine: Machine) -> str:
    return f"{_EKS_LETTERS[_family(machine)]}.{_EKS_SIZES.get(machine.cpus) or f'{machine.cpus // 4}xlarge'}"


def _eks_name(_: Pool, ip: str, __: Random) -> str:
    return f"ip-{ip.replace('.', '-')}.eu-west-1.compute.internal"


def _eks_labels(pool: Pool) -> Labels:
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


def _gke_name(pool: Pool, ip: str, random: Random) -> str:
    return f"gke-prod-{pool.name}-{random.getrandbits(32):08x}-{ip[-3:]}x"


def _gke_labels(pool: Pool) -> Labels:
    return {
        "cloud.google.com/gke-nodepool": pool.name,
        "cloud.google.com/gke-provisioning": "spot" if pool.spot else "standard",
        "cloud.google.com/gke-os-distribution": "cos",
    } | ({"cloud.google.com/gke-spot": "true"} if pool.spot else {})


def _aks_name(pool: Pool, ip: str, random: Random) -> str:
    return f"aks-{pool.name}-{random.randrange(10**7, 10**8)}-vmss{ip[-7:].replace('.', '')}"


def _aks_labels(pool: Pool) -> Labels:
    return {
        "agentpool": pool.name,
        "kubernetes.azure.com/agentpool": pool.name,
        "kubernetes.azure.com/mode": "user",
        "kubernetes.io/role": "agent",
        "node-role.kubernetes.io/agent": "",
    } | ({"kubernetes.azure.com/scalesetpriority": "spot"} if pool.spot else {})


CLOUDS: Mapping[str, Cloud] = {
    "eks": Cloud(
        region="eu-west-1",
        zones=("eu-west-1a", "eu-west-1b", "eu-west-1c"),
        os_image="Amazon Linux 2023.9.20261014",
        kernel="6.12.46-66.121.amzn2023.x86_64",
        kubelet_suffix="-eks-3abbec1",
        instance_type=_eks_type,
        node_name=_eks_name,
        provider_id=lambda slots: f"aws:///{slots['zone']}/i-{slots['instance']}",
        labels=_eks_labels,
        karpenter_share=0.4,
    ),
    "gke": Cloud(
        region="europe-west4",
        zones=("europe-west4-a", "europe-west4-b", "europe-west4-c"),
        os_image="Container-Optimized OS from Google",
        kernel="6.12.0-1021",
        kubelet_suffix="-gke.1304000",
        instance_type=lambda machine: _GKE_LETTERS[_family(machine)].format(machine.cpus),
        node_name=_gke_name,
        provider_id=lambda slots: f"gce://example-project/{slots['zone']}/{slots['name']}",
        labels=_gke_labels,
    ),
    "aks": Cloud(
        region="westeurope",
        zones=("westeurope-1", "westeurope-2", "westeurope-3"),
        os_image="Ubuntu 24.04",
        kernel="6.12.0-1021",
        kubelet_suffix="",
        instance_type=lambda machine: "Standard_" + _AKS_LETTERS[_family(machine)].format(machine.cpus),
        node_name=_aks_name,
        provider_id=lambda slots: f"azure:///subscriptions/{slots['system']}/virtualMachines/{slots['name']}",
        labels=_aks_labels,
    ),
}
