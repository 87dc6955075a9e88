"""The ways to install nodetally in a cluster, each as the objects that it applies."""

import re
from collections.abc import Mapping
from typing import Any

import yaml

from paths import ROOT

Json = dict[str, Any]
CRONJOB = ROOT / "cronjob.yaml"
CHART = ROOT / "infra" / "helm" / "nodetally"
BASE = ROOT / "infra" / "kustomize" / "base"
OVERLAYS = ROOT / "infra" / "kustomize" / "overlays"
KEPT_CACHE = OVERLAYS / "kept-cache"
OPTIONAL = re.compile(r"^( +)#(?=\S|  )", re.MULTILINE)  # what may be set is commented out without one space


def by_kind(text: str) -> dict[str, Json]:
    """Every object of a text, by its kind; lists are taken apart."""
    documents = [each for each in yaml.safe_load_all(text) if each]
    items = [item for each in documents for item in (each["items"] if each["kind"] == "List" else [each])]
    found = {item["kind"]: item for item in items}
    assert len(found) == len(items), "two of a kind"
    return found


def cronjob() -> dict[str, Json]:
    """cronjob.yaml's objects as they stand there."""
    return by_kind(CRONJOB.read_text())


def with_all_options(text: str) -> str:
    """The file with everything that may be set; what is prose stays a comment."""
    return OPTIONAL.sub(r"\1", text)


def pod_spec(objects: Mapping[str, Json], kind: str = "CronJob") -> Json:
    """The job's pod."""
    spec = objects[kind]["spec"]
    spec = spec["jobTemplate"]["spec"] if kind == "CronJob" else spec
    found: Json = spec["template"]["spec"]
    return found


def rights(objects: Mapping[str, Json]) -> set[tuple[str, str, str]]:
    """Group, resource and verb of all that the ClusterRole gives."""
    return {
        (group, resource, verb)
        for rule in objects["ClusterRole"]["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def meaning(value: Any) -> Any:
    """Without what only says who made an object: labels, annotations, an empty metadata."""
    if isinstance(value, list):
        return [meaning(each) for each in value]
    if not isinstance(value, dict):
        return value
    kept = {key: meaning(each) for key, each in value.items() if key not in ("labels", "annotations")}
    return {key: each for key, each in kept.items() if (key, each) != ("metadata", {})}
