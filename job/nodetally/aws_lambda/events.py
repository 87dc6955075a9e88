"""An event in, what it asks for out: for each pass, or for a backfill. Reads nothing else. Raises WrongUse."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from nodetally.errors import WrongUse

FIELDS = ("cluster", "eks", "eks_endpoint", "eks_ca", "time", "trigger")  # of an event, and of each of its clusters
BACKFILL = {  # of an event's `backfill`: beside `source` and `location`, options of `nodetally backfill` by their names
    "dumps": ("time_from",),
    "velero": (),
    "prometheus": ("match", "header", "resource_name"),
}
BACKFILL_FIELDS = ("from", "to", "every", "order", "shard")


def passes_asked(event: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """For each pass what the event says of it."""
    if not isinstance(event, dict):
        raise WrongUse(f"the event is no object: {event!r:.80}", hint='write {} or {"cluster": "c"}')
    common: Mapping[str, Any] = event
    if "detail-type" in event:
        detail = event.get("detail") or {}
        common = {"time": event.get("time"), "trigger": "schedule", **(detail if isinstance(detail, dict) else {})}
    clusters = common.get("clusters") or [{}]
    if not isinstance(clusters, list):
        raise WrongUse("the event's clusters are no list", hint='write {"clusters": ["a", "b"]}')
    for each in clusters:
        own = each if isinstance(each, dict) else {"cluster": each}
        merged = {**{name: value for name, value in common.items() if name != "clusters"}, **own}
        for name, value in merged.items():
            if name not in FIELDS or not isinstance(value, str | None):
                raise WrongUse(
                    f"the event says {name}: {value!r:.80}", hint=f"texts that it may hold: {', '.join(FIELDS)}"
                )
        yield {name: value for name, value in merged.items() if value}


def backfill_arguments(event: Mapping[str, Any], every: str | None = None) -> list[str]:
    """What `nodetally backfill` is told; `every`: how far apart the slots are, where the event does not say."""
    asked = event["backfill"] if isinstance(event["backfill"], dict) else {}
    source, location = str(asked.get("source")), asked.get("location")
    if source not in BACKFILL or not isinstance(location, str) or set(event) - {"backfill", "cluster"}:
        hint = '{"cluster": "c", "backfill": {"source": "dumps", "location": "s3://bucket/prefix", "from": "30d"}}'
        raise WrongUse(f"not a backfill: {json.dumps(event)[:200]}", hint=f"write, say: {hint}")
    if source != "prometheus" and not location.startswith("s3://"):
        raise WrongUse(f"a function has no folder {location!r}", hint="put the files into s3://bucket/prefix")
    given = {"every": every, **asked}
    options = [
        f"--{name.replace('_', '-')}={each}"
        for name, value in given.items()
        if name not in ("source", "location")
        for each in _texts(name, value, (*BACKFILL_FIELDS, *BACKFILL[source]))
    ]
    cluster = [f"--cluster={event['cluster']}"] if event.get("cluster") else []
    return [source, *cluster, *options, "--", location]


def _texts(name: str, value: object, known: tuple[str, ...]) -> list[str]:
    """One text, several or none."""
    values = value if isinstance(value, list) else [value] if value else []
    texts = [each for each in values if isinstance(each, str)]
    if name not in known or len(texts) < len(values):
        raise WrongUse(
            f"the event's backfill says {name}: {value!r:.80}", hint=f"texts that it may hold: {', '.join(known)}"
        )
    return texts
