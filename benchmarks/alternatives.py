"""The same question asked as others would: cpu requests by node, read over JSON. Prints them as JSON.

    python alternatives.py typed|raw|decoded KUBECONFIG

All of them list in pages of 500, as kubectl does, and add up what the containers of pods that are not terminal ask for.
"""

import http.client
import json
import math
import sys
from collections.abc import Iterable, Iterator
from decimal import Decimal
from functools import lru_cache
from importlib import import_module
from types import GenericAlias
from typing import Any
from urllib.parse import quote, urlsplit

PAGE_SIZE = 500
READERS = {
    "typed": "kubernetes package, typed lists",
    "raw": "kubernetes package, raw, orjson",
    "decoded": "http.client, JSON into msgspec structs",
}
TERMINAL = ("Succeeded", "Failed")
Asked = tuple[str | None, str, Iterable[str]]  # a pod's node, phase and its containers' cpu requests


@lru_cache
def cores(quantity: str) -> Decimal:
    """A cpu quantity in cores, exactly.

    >>> cores("1500m"), cores("2")
    (Decimal('1.5'), Decimal('2'))
    """
    milli = quantity.endswith("m")
    return Decimal(quantity.removesuffix("m")) / (1000 if milli else 1)


def tally(nodes: Iterable[str], pods: Iterable[Asked]) -> dict[str, int]:
    """Millicores by listed node, rounded up once."""
    sums = {name: Decimal(0) for name in nodes}
    for node, phase, asked in pods:
        if node in sums and phase not in TERMINAL:
            sums[node] += sum(map(cores, asked))
    return {name: math.ceil(total * 1000) for name, total in sums.items()}


def core_api(kubeconfig: str) -> Any:
    """The package's client; it has no types."""
    package: Any = import_module("kubernetes")
    package.config.load_kube_config(kubeconfig)
    return package.client.CoreV1Api()


def typed(kubeconfig: str) -> dict[str, int]:
    """Model objects, as the package's own examples read them."""
    api = core_api(kubeconfig)

    def pages(ask: Any) -> Iterator[Any]:
        following = None
        while following != "":
            answer = ask(limit=PAGE_SIZE, _continue=following)
            yield from answer.items
            following = answer.metadata._continue or ""  # noqa: SLF001 -- the package's own name for it

    def asked(pod: Any) -> Asked:
        requests = ((each.resources and each.resources.requests) or {} for each in pod.spec.containers)
        return pod.spec.node_name, pod.status.phase, [each["cpu"] for each in requests if "cpu" in each]

    nodes = [node.metadata.name for node in pages(api.list_node)]
    return tally(nodes, map(asked, pages(api.list_pod_for_all_namespaces)))


def raw(kubeconfig: str) -> dict[str, int]:
    """The same package without its models; dictionaries by orjson."""
    import orjson

    api = core_api(kubeconfig)

    def pages(ask: Any) -> Iterator[dict[str, Any]]:
        following = None
        while following != "":
            answer = orjson.loads(ask(limit=PAGE_SIZE, _continue=following, _preload_content=False).data)
            yield from answer["items"]
            following = answer["metadata"].get("continue", "")

    def asked(pod: dict[str, Any]) -> Asked:
        requests = (each.get("resources", {}).get("requests", {}) for each in pod["spec"]["containers"])
        return pod["spec"].get("nodeName"), pod["status"]["phase"], [each["cpu"] for each in requests if "cpu" in each]

    nodes = [node["metadata"]["name"] for node in pages(api.list_node)]
    return tally(nodes, map(asked, pages(api.list_pod_for_all_namespaces)))


def decoded(kubeconfig: str) -> dict[str, int]:
    """No package of Kubernetes; a decoder that skips what its types do not name."""
    import msgspec

    def struct(name: str, **fields: Any) -> Any:
        return msgspec.defstruct(name, [(field, *given) for field, given in fields.items()])

    resources = struct("Resources", requests=(dict[str, str], msgspec.field(default_factory=dict)))
    container = struct("Container", resources=(resources, msgspec.field(default_factory=resources)))
    spec = struct(
        "Spec", containers=(GenericAlias(list, (container,)), msgspec.field(default_factory=list)), nodeName=(str, "")
    )
    status = struct("Status", phase=(str, ""))
    meta = msgspec.defstruct("Meta", [("name", str, ""), ("following", str, "")], rename={"following": "continue"})
    item = struct("Item", metadata=(meta,), spec=(spec,), status=(status,))
    decoder = msgspec.json.Decoder(struct("List", metadata=(meta,), items=(GenericAlias(list, (item,)),)))

    with open(kubeconfig) as file:  # noqa: PTH123 -- as the limit does
        server = urlsplit(json.load(file)["clusters"][0]["cluster"]["server"])
    connection = http.client.HTTPConnection(server.hostname or "", server.port)

    def pages(path: str) -> Iterator[Any]:
        following = None
        while following != "":
            connection.request("GET", f"{path}?limit={PAGE_SIZE}&continue={quote(following or '')}")
            answer = decoder.decode(connection.getresponse().read())
            yield from answer.items
            following = answer.metadata.following

    def asked(pod: Any) -> Asked:
        requests = (each.resources.requests for each in pod.spec.containers)
        return pod.spec.nodeName, pod.status.phase, [each["cpu"] for each in requests if "cpu" in each]

    nodes = [node.metadata.name for node in pages("/api/v1/nodes")]
    return tally(nodes, map(asked, pages("/api/v1/pods")))


if __name__ == "__main__":
    print(json.dumps({"typed": typed, "raw": raw, "decoded": decoded}[sys.argv[1]](sys.argv[2])))
