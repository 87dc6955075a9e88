"""A request for a list in, the objects of one page out, by the rules of resourceVersion, limit and continue."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, takewhile

from nodetally.simulate.api.query import Query, check_list
from nodetally.simulate.api.selection import Selection
from nodetally.simulate.cluster import SimulatedCluster
from nodetally.simulate.errors import ApiError, expired_continue
from nodetally.simulate.objects.item import Item, key_of
from nodetally.simulate.views import View

INCONSISTENT = -1  # the version in a token that goes on with whatever is there now


@dataclass(frozen=True)
class Token:
    """Where a list goes on: at which version, behind which key."""

    version: int
    key: str

    def text(self) -> str:
        """As upstream writes it (storage/continue.go): the key ends with a zero, the text without padding."""
        content = {"v": "meta.k8s.io/v1", "rv": self.version, "start": f"/{self.key}\0"}
        return urlsafe_b64encode(json.dumps(content, separators=(",", ":")).encode()).rstrip(b"=").decode()

    @classmethod
    def parse(cls, text: str) -> "Token":
        try:
            content = json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
            return cls(int(content["rv"]), str(content["start"]).removeprefix("/").removesuffix("\0"))
        except (ValueError, KeyError, TypeError) as error:
            raise ApiError(400, f"continue key is not valid: {error}") from error


@dataclass(frozen=True)
class Page:
    """A part of a list at one version, in key order, or all of it."""

    version: int
    items: list[Item]
    continue_token: str = ""
    remaining: int | None = None

    def metadata(self) -> dict[str, object]:
        """The list's metadata, as both encodings write it."""
        found: dict[str, object] = {"resourceVersion": str(self.version)}
        if self.continue_token:
            found["continue"] = self.continue_token
        return found if self.remaining is None else found | {"remainingItemCount": self.remaining}


def read_page(cluster: SimulatedCluster, selection: Selection, query: Query, wait_seconds: float) -> Page:
    """The page that a query asks for; ApiError 400, 410, 422 or 504 where upstream gives them."""
    check_list(query)
    version, limit, match = query.number("resourceVersion"), query.number("limit"), query.text("resourceVersionMatch")
    if token := query.text("continue"):
        return _continued(cluster, selection, Token.parse(token), limit)
    if version:
        cluster.reach(version, wait_seconds)
        if match == "Exact" or (limit and not match):
            return _exact(cluster, selection, version, limit)
    elif query.text("resourceVersion"):
        limit = 0  # served from the cache, which ignores it (cacher.go:733)
    current, view = cluster.view(selection.resource)
    return _page(current, view, selection, "", limit)


def _exact(cluster: SimulatedCluster, selection: Selection, version: int, limit: int) -> Page:
    view = cluster.view_at(selection.resource, version)
    if view is None:
        raise ApiError(410, "The resourceVersion for the provided list is too old.")
    return _page(version, view, selection, "", limit)


def _continued(cluster: SimulatedCluster, selection: Selection, token: Token, limit: int) -> Page:
    if token.version == INCONSISTENT:
        version, current = cluster.view(selection.resource)
        return _page(version, current, selection, token.key, limit)
    view = cluster.view_at(selection.resource, token.version)
    if view is None:
        raise expired_continue(Token(INCONSISTENT, token.key).text())
    return _page(token.version, view, selection, token.key, limit)


def _page(version: int, view: View, selection: Selection, after: str, limit: int) -> Page:
    found = select(view, selection, after)
    items = list(islice(found, limit)) if limit > 0 else list(found)
    following = next(found, None) if limit > 0 else None
    if following is None:
        return Page(version, items)
    last = key_of(items[-1])
    return Page(version, items, Token(version, last).text(), _remaining(view, selection, last))


def _remaining(view: View, selection: Selection, after: str) -> int | None:
    """remainingItemCount: only known without selectors (storage/continue.go)."""
    if selection.has_selectors:
        return None
    return view.count_after(after) if selection.is_everything else sum(1 for _ in select(view, selection, after))


def select(view: View, selection: Selection, after: str = "") -> Iterator[Item]:
    """The selected objects behind a key, in key order; by the index where the selection names a node or an object."""
    if selection.is_everything:
        return view.after(after)
    return filter(selection.test(), _candidates(view, selection, after))


def _candidates(view: View, selection: Selection, after: str) -> Iterator[Item]:
    node, name = selection.equals("spec.nodeName"), selection.equals("metadata.name")
    namespace = selection.namespace or selection.equals("metadata.namespace") or ""
    if node is not None:
        return (item for item in view.on_node(node) if key_of(item) > after)
    if name and (namespace or selection.resource == "nodes"):
        key = f"{namespace}/{name}" if namespace else name
        item = view.get(key)
        return iter([item] if item is not None and key > after else [])
    if namespace:
        return takewhile(lambda item: item.namespace == namespace, view.after(max(after, f"{namespace}/")))
    return view.after(after)
