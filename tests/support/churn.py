"""Pods that come, go, move, finish and are resized on a real API server, and nodes that come and go, all the while."""

import random
import threading
from collections.abc import Callable
from typing import Any

from admin import MERGE, Admin, Refused, path_of

Json = dict[str, Any]
NODES = 4  # and two names that are bound to and only sometimes there
FIRST_PODS = 60


def a_node(number: int) -> Json:
    size = {"cpu": "8", "memory": "32Gi", "pods": "110"}
    status = {"capacity": size, "allocatable": size, "conditions": [{"type": "Ready", "status": "True"}]}
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": f"node-{number}"}, "spec": {}, "status": status}


def a_pod(number: int, node: str | None = None, *, cpu: int = 1) -> Json:
    resources = {"requests": {"cpu": f"{cpu}m"}, "limits": {"memory": f"{number % 5 + 1}Mi"}}
    spec: Json = {
        "containers": [{"name": "c", "image": "x", "resources": resources}],
        **({"nodeName": node} if node else {}),
    }
    metadata = {"name": f"pod-{number}", "namespace": "default"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


class Churn:
    """Changes the cluster as fast as it is let, from a thread of its own, while a `with` block runs."""

    def __init__(self, admin: Admin, seed: int) -> None:
        self.changes = 0
        self._admin = admin
        self._random = random.Random(seed)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._made = FIRST_PODS
        self._error: BaseException | None = None

    def fill(self) -> None:
        """What is there at the beginning."""
        self._admin.put_all(a_node(number) for number in range(NODES))
        self._admin.put_all(a_pod(number, self._some_node()) for number in range(FIRST_PODS))

    def __enter__(self) -> "Churn":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        ways: list[tuple[Callable[[], object], int]] = [
            (self._create, 6),
            (self._replace, 2),
            (self._delete, 4),
            (self._finish, 4),
            (self._resize, 3),
            (self._bind, 3),
            (self._cordon, 1),
            (self._add_node, 1),
            (self._delete_node, 1),
        ]
        try:
            while not self._stop.is_set():
                way = self._random.choices([each for each, _ in ways], [weight for _, weight in ways])[0]
                try:
                    way()
                except Refused as refused:  # what it picked is gone, is there already, or is not to be changed any more
                    if refused.status not in (404, 409, 422):
                        raise
                self.changes += 1
        except BaseException as error:  # noqa: BLE001 -- handed to the test at the end of the block
            self._error = error

    def _some_node(self) -> str | None:
        return self._random.choice([None, *(f"node-{number}" for number in range(NODES + 2))])

    def _some_pod(self) -> Json:
        return a_pod(self._random.randrange(max(0, self._made - 2 * FIRST_PODS), self._made))

    def _create(self) -> None:
        self._admin.create(a_pod(self._made, self._some_node()))
        self._made += 1

    def _replace(self) -> None:
        pod = self._some_pod()
        self._admin.delete(pod)
        self._admin.create(a_pod(int(pod["metadata"]["name"].removeprefix("pod-")), self._some_node(), cpu=7))

    def _delete(self) -> None:
        self._admin.delete(self._some_pod(), now=self._random.random() < 0.7)

    def _finish(self) -> None:
        phase = self._random.choice(["Running", "Succeeded", "Failed"])
        self._admin.update_status({**self._some_pod(), "status": {"phase": phase}})

    def _resize(self) -> None:
        pod = self._some_pod()
        pod["spec"]["containers"][0]["resources"]["requests"]["cpu"] = f"{self._random.randrange(1, 50)}m"
        change = {"spec": {"containers": pod["spec"]["containers"]}}
        self._admin.ask("PATCH", f"{path_of(pod)}/resize", change, content_type=MERGE)

    def _bind(self) -> None:
        pod = self._some_pod()
        target = {"apiVersion": "v1", "kind": "Node", "name": f"node-{self._random.randrange(NODES)}"}
        binding = {"apiVersion": "v1", "kind": "Binding", "metadata": pod["metadata"], "target": target}
        self._admin.ask("POST", f"{path_of(pod)}/binding", binding)

    def _cordon(self) -> None:
        node = a_node(self._random.randrange(NODES))
        self._admin.patch(node, {"spec": {"unschedulable": self._random.random() < 0.5 or None}})

    def _add_node(self) -> None:
        self._admin.put(a_node(self._random.randrange(NODES, NODES + 2)))

    def _delete_node(self) -> None:
        self._admin.delete(a_node(self._random.randrange(NODES, NODES + 2)))
