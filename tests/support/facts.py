"""Facts about a node as reading it gives them, for tests of what is made of them."""

from nodetally.accounting.facts import Amounts, NodeFacts


def node_facts(capacity: Amounts = (), allocatable: Amounts = (), name: str = "n") -> NodeFacts:
    """A ready node that says nothing but its amounts, in nano-units."""
    return NodeFacts(
        name=name,
        uid="u",
        created_at=None,
        ready=True,
        cordoned=False,
        conditions=(),
        taints=(),
        labels={},
        capacity=capacity,
        allocatable=allocatable,
        architecture=None,
        os_image=None,
        kubelet_version=None,
    )
