"""The simulator's own paths, /_simulate/…: faults, churn, compaction and the requests so far, for other processes."""

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import orjson

from nodetally.errors import WrongUse
from nodetally.simulate.api.answers import Answer, Wanted, json_answer, text
from nodetally.simulate.faults import Fault

if TYPE_CHECKING:
    from nodetally.simulate.server import Simulator

CONTROL_PREFIX = "/_simulate/"


def control(server: "Simulator", method: str, target: str, body: bytes) -> Answer:
    """Do what a request to one of the simulator's own paths asks for."""
    parts = urlsplit(target)
    try:
        found = _do(server, f"{method} {parts.path.removeprefix(CONTROL_PREFIX)}", dict(parse_qsl(parts.query)), body)
    except (WrongUse, ValueError, TypeError) as error:
        return text(400, f"{error}\n{getattr(error, 'hint', '')}\n")
    return text(404, "404 page not found\n") if found is None else json_answer(found, Wanted())


def _do(server: "Simulator", what: str, query: dict[str, str], body: bytes) -> Any:
    cluster = server.cluster
    match what:
        case "POST faults":
            server.add_fault(Fault.parse(orjson.loads(body)))
            return {}
        case "DELETE faults":
            server.faults.clear()
            return {}
        case "POST churn":
            churn = cluster.replace_pods if query.get("kind") == "replace" else cluster.change_pods
            return {"pods": churn(int(query["pods"])), "resourceVersion": str(cluster.version)}
        case "POST compact":
            return {"resourceVersion": str(cluster.compact())}
        case "GET requests":
            return server.requests
        case "DELETE requests":
            server.forget_requests()
            return {}
    return None
