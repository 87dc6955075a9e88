"""Pool, capacity type, zone and the like from the labels that each provider writes."""

import pytest

from nodetally.accounting.labels import LabelRules, capacity_type, first, roles

RULES = LabelRules()


@pytest.mark.parametrize(
    ("labels", "pool", "capacity"),
    [
        ({"eks.amazonaws.com/nodegroup": "ng-1", "eks.amazonaws.com/capacityType": "ON_DEMAND"}, "ng-1", "on-demand"),
        ({"eks.amazonaws.com/nodegroup": "ng-1", "eks.amazonaws.com/capacityType": "SPOT"}, "ng-1", "spot"),
        ({"karpenter.sh/nodepool": "default", "karpenter.sh/capacity-type": "spot"}, "default", "spot"),
        ({"karpenter.sh/nodepool": "default", "karpenter.sh/capacity-type": "reserved"}, "default", "reserved"),
        ({"karpenter.sh/provisioner-name": "old"}, "old", None),
        ({"cloud.google.com/gke-nodepool": "np", "cloud.google.com/gke-spot": "true"}, "np", "spot"),
        ({"cloud.google.com/gke-nodepool": "np", "cloud.google.com/gke-preemptible": "true"}, "np", "preemptible"),
        ({"cloud.google.com/gke-nodepool": "np", "cloud.google.com/gke-provisioning": "standard"}, "np", "on-demand"),
        ({"kubernetes.azure.com/agentpool": "ap", "kubernetes.azure.com/scalesetpriority": "spot"}, "ap", "spot"),
        ({"agentpool": "ap"}, "ap", None),
        ({"node.kubernetes.io/lifecycle": "normal"}, None, "on-demand"),
        ({}, None, None),
        ({"eks.amazonaws.com/nodegroup": "", "karpenter.sh/nodepool": "default"}, "default", None),
    ],
)
def test_pool_and_capacity_type_of_each_provider(
    labels: dict[str, str], pool: str | None, capacity: str | None
) -> None:
    """EKS, Karpenter new and old, GKE, AKS; an empty label is none."""
    assert (first(labels, RULES.pool), capacity_type(labels, RULES.capacity_type)) == (pool, capacity)


def test_a_label_of_ones_own_that_is_just_true_is_named_by_its_end() -> None:
    """Without its prefix."""
    assert capacity_type({"example.com/spot": "true"}, ("example.com/spot",)) == "spot"


def test_ga_labels_win_over_beta_labels() -> None:
    """Both are on many nodes; beta alone still counts."""
    both = {"failure-domain.beta.kubernetes.io/zone": "old", "topology.kubernetes.io/zone": "new"}
    assert first(both, RULES.zone) == "new"
    assert first({"failure-domain.beta.kubernetes.io/zone": "old"}, RULES.zone) == "old"
    assert first({"beta.kubernetes.io/instance-type": "m5"}, RULES.instance_type) == "m5"


def test_roles_come_from_both_kinds_of_label() -> None:
    """node-role.kubernetes.io/… and the older kubernetes.io/role; each once, sorted."""
    labels = {"node-role.kubernetes.io/worker": "", "node-role.kubernetes.io/control-plane": "true"}
    assert roles({**labels, "kubernetes.io/role": "worker"}) == ["control-plane", "worker"]
    assert roles({"kubernetes.io/role": "master"}) == ["master"]
    assert roles({"node-role.kubernetes.io/": ""}) == []
