"""What kube-state-metrics calls node labels and resources, and what they were called before. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

ARCHITECTURE = "kubernetes.io/arch"
# The exporter writes resources as labels may be written; what they were before cannot be told in general.
RESOURCES = {
    "ephemeral_storage": "ephemeral-storage",
    "nvidia_com_gpu": "nvidia.com/gpu",
    "nvidia_com_gpu_shared": "nvidia.com/gpu.shared",
    "amd_com_gpu": "amd.com/gpu",
    "gpu_intel_com_i915": "gpu.intel.com/i915",
    "gpu_intel_com_xe": "gpu.intel.com/xe",
    "aws_amazon_com_neuron": "aws.amazon.com/neuron",
    "aws_amazon_com_neuroncore": "aws.amazon.com/neuroncore",
    "google_com_tpu": "google.com/tpu",
    "habana_ai_gaudi": "habana.ai/gaudi",
    "vpc_amazonaws_com_pod_eni": "vpc.amazonaws.com/pod-eni",
    "smarter_devices_fuse": "smarter-devices/fuse",
}


@dataclass(frozen=True)
class Names:
    """What the exporter's labels were: node labels that are wanted, resources beyond the usual ones."""

    labels: tuple[str, ...] = ()
    resources: Mapping[str, str] | None = None

    def resource(self, name: str) -> str:
        """The resource that a label's value stands for.

        >>> Names().resource("nvidia_com_gpu"), Names().resource("hugepages_2Mi"), Names().resource("cpu")
        ('nvidia.com/gpu', 'hugepages-2Mi', 'cpu')
        >>> Names().resource("attachable_volumes_aws_ebs")
        'attachable-volumes-aws-ebs'
        """
        known = {**RESOURCES, **(self.resources or {})}
        native = name.replace("_", "-") if name.startswith(("hugepages_", "attachable_volumes_")) else name
        return known.get(name) or native

    def unknown(self, names: Iterable[str]) -> list[str]:
        """Those of these resources that are still called as the exporter calls them; sorted.

        >>> Names().unknown(["cpu", "ephemeral_storage", "example_com_fpga"])
        ['example_com_fpga']
        """
        return sorted({name for name in names if "_" in name and self.resource(name) == name})

    def of_node(self, labels: Mapping[str, str]) -> dict[str, str]:
        """The wanted labels of a node that kube_node_labels tells."""
        told = {name: labels.get(label_name(name)) for name in (*self.labels, ARCHITECTURE)}
        return {name: value for name, value in told.items() if value}


def label_name(name: str) -> str:
    """A Kubernetes label as kube-state-metrics writes it (internal/store/utils.go, kubeMapToPrometheusLabels).

    >>> label_name("eks.amazonaws.com/capacityType")
    'label_eks_amazonaws_com_capacity_type'
    """
    sanitized = re.sub(r"[^a-zA-Z0-9_]", "_", name)
    return "label_" + re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", sanitized).lower()
