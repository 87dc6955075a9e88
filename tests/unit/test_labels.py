"""Pool, capacity type, zone and the like from the labels that each provider writes."""

import pytest

from nodetally.accounting.labels import LabelRules, capacity_type, first, is_wanted, roles

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
        (
            {"kubernetes.azure.com/agentpool": "ap", "kubernetes.azure.com/scalesetpriority": "regular"},
            "ap",
            "on-demand",
        ),
        ({"alpha.eksctl.io/nodegroup-name": "ng-2"}, "ng-2", None),
        ({"kops.k8s.io/instancegroup": "nodes-a"}, "nodes-a", None),
        ({"doks.digitalocean.com/node-pool": "pool-1"}, "pool-1", None),
        ({"node.cluster.x-k8s.io/machinedeployment": "md-0"}, "md-0", None),
        ({"node.kubernetes.io/lifecycle": "normal"}, None, "on-demand"),
        ({"node.kubernetes.io/lifecycle": "OnDemand"}, None, "on-demand"),
        ({"node.kubernetes.io/lifecycle": "Capacity_Block"}, None, "capacity-block"),
        ({"cloud.google.com/gke-spot": "false", "node.kubernetes.io/lifecycle": "spot"}, None, "spot"),
        ({"cloud.google.com/gke-spot": "false"}, None, None),
        ({}, None, None),
        ({"eks.amazonaws.com/nodegroup": "", "karpenter.sh/nodepool": "default"}, "default", None),
    ],
)
def test_pool_and_capacity_type_of_each_provider(
    labels: dict[str, str], pool: str | None, capacity: str | None
) -> None:
    """EKS, Karpenter new and old, GKE, AKS, kOps, DigitalOcean, Cluster API; empty is none, "false" is no type."""
    assert (first(labels, RULES.pool), capacity_type(labels, RULES.capacity_type)) == (pool, capacity)


def test_a_label_of_ones_own_that_is_just_true_is_named_by_its_end() -> None:
    """Without its prefix, and without what stands before its last dash."""
    assert capacity_type({"example.com/spot": "true"}, ("example.com/spot",)) == "spot"
    assert capacity_type({"a/b/is-a-spot": "TRUE"}, ("a/b/is-a-spot",)) == "spot"


def test_ga_labels_win_over_beta_labels() -> None:
    """Both are on many nodes; beta alone still counts."""
    for names, beta, ga in (
        (RULES.zone, "failure-domain.beta.kubernetes.io/zone", "topology.kubernetes.io/zone"),
        (RULES.region, "failure-domain.beta.kubernetes.io/region", "topology.kubernetes.io/region"),
        (RULES.instance_type, "beta.kubernetes.io/instance-type", "node.kubernetes.io/instance-type"),
    ):
        assert first({beta: "old", ga: "new"}, names) == "new"
        assert first({beta: "old"}, names) == "old"
        assert first({}, names) is None


def test_roles_come_from_both_kinds_of_label() -> None:
    """node-role.kubernetes.io/… and the older kubernetes.io/role; each once, sorted."""
    labels = {"node-role.kubernetes.io/worker": "", "node-role.kubernetes.io/control-plane": "true"}
    assert roles({**labels, "kubernetes.io/role": "worker"}) == ["control-plane", "worker"]
    assert roles({"kubernetes.io/role": "master"}) == ["master"]
    assert roles({"node-role.kubernetes.io/": ""}) == []


def test_a_label_is_kept_that_can_end_up_in_a_snapshot() -> None:
    """As a role, as a fact by any of the rules, or as itself; the others are forgotten."""
    wanted = ["node-role.kubernetes.io/x", "kubernetes.io/role", "team"]
    wanted += [names[-1] for names in (RULES.pool, RULES.capacity_type, RULES.instance_type, RULES.region, RULES.zone)]
    assert all(is_wanted(name, RULES, ("team",)) for name in wanted)
    for name in ("team", "kubernetes.io/hostname", "x-node-role.kubernetes.io/x", "kubernetes.io/roles"):
        assert not is_wanted(name, RULES, ("cost",))
