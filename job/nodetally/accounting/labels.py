"""Node labels → pool, capacity type, zone and the like, by ordered lists that can be replaced. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

_ROLE_PREFIX = "node-role.kubernetes.io/"
_LEGACY_ROLE = "kubernetes.io/role"

# What providers write for the same two things; anything else is kept, in lower case with dashes.
_CAPACITY_TYPES = {
    "ondemand": "on-demand",
    "standard": "on-demand",  # cloud.google.com/gke-provisioning
    "regular": "on-demand",  # kubernetes.azure.com/scalesetpriority
    "normal": "on-demand",
}


@dataclass(frozen=True)
class LabelRules:
    """For each fact the labels that may tell it; the first one present wins. GA names stand before beta names."""

    pool: tuple[str, ...] = (
        "eks.amazonaws.com/nodegroup",
        "karpenter.sh/nodepool",
        "karpenter.sh/provisioner-name",  # Karpenter before v1beta1
        "alpha.eksctl.io/nodegroup-name",
        "cloud.google.com/gke-nodepool",
        "kubernetes.azure.com/agentpool",
        "agentpool",  # AKS before 1.24
        "kops.k8s.io/instancegroup",
        "doks.digitalocean.com/node-pool",
        "node.cluster.x-k8s.io/machinedeployment",
    )
    capacity_type: tuple[str, ...] = (
        "karpenter.sh/capacity-type",
        "eks.amazonaws.com/capacityType",
        "cloud.google.com/gke-provisioning",
        "cloud.google.com/gke-spot",  # "true"
        "cloud.google.com/gke-preemptible",  # "true"
        "kubernetes.azure.com/scalesetpriority",
        "node.kubernetes.io/lifecycle",
    )
    instance_type: tuple[str, ...] = ("node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type")
    region: tuple[str, ...] = ("topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/region")
    zone: tuple[str, ...] = ("topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone")


def is_wanted(name: str, rules: LabelRules, kept: tuple[str, ...]) -> bool:
    """Whether a label can end up in a snapshot, as itself or as a fact; the others need not be remembered."""
    if name.startswith(_ROLE_PREFIX) or name == _LEGACY_ROLE or name in kept:
        return True
    return any(
        name in names for names in (rules.pool, rules.capacity_type, rules.instance_type, rules.region, rules.zone)
    )


def first(labels: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    """The value of the first label that is there and not empty."""
    return next((labels[name] for name in names if labels.get(name)), None)


def capacity_type(labels: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    """ "on-demand", "spot", "preemptible", "reserved", … or None; a label that is just "true" is named by its end.

    >>> capacity_type({"eks.amazonaws.com/capacityType": "ON_DEMAND"}, LabelRules().capacity_type)
    'on-demand'
    >>> capacity_type({"cloud.google.com/gke-spot": "true"}, LabelRules().capacity_type)
    'spot'
    """
    for name in names:
        value = labels.get(name, "").lower()
        if value == "true":
            return name.rpartition("/")[2].rpartition("-")[2]
        if value and value != "false":
            return _CAPACITY_TYPES.get(value, value.replace("_", "-"))
    return None


def roles(labels: Mapping[str, str]) -> list[str]:
    """node-role.kubernetes.io/ROLE labels, and the older kubernetes.io/role; sorted, each once."""
    found = {name.removeprefix(_ROLE_PREFIX) for name in labels if name.startswith(_ROLE_PREFIX)}
    if labels.get(_LEGACY_ROLE):
        found.add(labels[_LEGACY_ROLE])
    return sorted(found - {""})
