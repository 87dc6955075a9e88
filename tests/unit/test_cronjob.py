"""cronjob.yaml against the program; that an API server takes it, and that its rights are right, is tests/cluster's."""

from typing import Any

import click
import pytest
import yaml

from manifests import BASE, CRONJOB, by_kind, cronjob, meaning, pod_spec, with_all_options
from nodetally.cli.run import run
from nodetally.times import parse_duration

DOCUMENTS = cronjob()
JOB = DOCUMENTS["CronJob"]["spec"]
POD = pod_spec(DOCUMENTS)
CONTAINER = POD["containers"][0]


@pytest.fixture
def options() -> dict[str, Any]:
    """The container's args as the program reads them."""
    command, *arguments = CONTAINER["args"]
    assert command == run.name
    return run.make_context("run", [*arguments, "--cluster", "c"]).params


def test_its_variables_are_the_programs() -> None:
    """A misspelt one would be ignored without a word; those that may be set are right, too."""
    known = {option.envvar for option in run.params if isinstance(option, click.Option)}
    assert DOCUMENTS["ConfigMap"]["data"].keys() == {"NODETALLY_CLUSTER", "NODETALLY_STORE"}
    optional = by_kind(with_all_options(CRONJOB.read_text()))["ConfigMap"]["data"].keys()
    assert {each for each in optional if not each.startswith("AWS_")} <= known
    assert CONTAINER["envFrom"] == [{"configMapRef": {"name": DOCUMENTS["ConfigMap"]["metadata"]["name"]}}]


def test_its_slots_are_its_schedules(options: dict[str, Any]) -> None:
    """A retry answers for the same slot only if both say five minutes."""
    assert (JOB["schedule"], options["slot_every"]) == ("*/5 * * * *", "5m")
    assert options["trigger"] == "schedule"


def test_all_its_tries_fit_into_the_jobs_time(options: dict[str, Any]) -> None:
    """A pass gives up, and says why, before the Job is killed; between two tries a Job waits 10 s."""
    tries = 1 + JOB["jobTemplate"]["spec"]["backoffLimit"]
    seconds = sum(parse_duration(options[name]).total_seconds() for name in ("timeout", "jitter"))
    assert tries * seconds + 10 < JOB["jobTemplate"]["spec"]["activeDeadlineSeconds"]


def test_only_what_a_second_try_can_mend_is_tried_again() -> None:
    """A drained or preempted pod costs no try: Kubernetes makes another; wrong settings and missing rights end it."""
    rules = JOB["jobTemplate"]["spec"]["podFailurePolicy"]["rules"]
    assert rules[0] == {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]}
    assert [(each["action"], each.get("onExitCodes", {}).get("values")) for each in rules[1:]] == [("FailJob", [2, 4])]


def test_what_must_be_set_stands_once_and_together() -> None:
    """Four values between two lines; the rest of the file refers to them."""
    _, _, rest = CRONJOB.read_text().partition("# ---- set this")
    place, _, below = rest.partition("# ---- nothing below here must be set")
    assert place.count("# set this") == 3
    assert "set this" not in below
    assert {"&image", "&namespace", "NODETALLY_CLUSTER:", "NODETALLY_STORE:"} <= set(place.split())
    assert {"*image", "*namespace"} <= set(below.split())


def test_a_value_reaches_where_it_is_needed() -> None:
    """The image reaches the pod, the namespace the binding."""
    text = (
        CRONJOB.read_text().replace("&image nodetally:0.1", "&image i:1").replace("&namespace default", "&namespace n")
    )
    objects = by_kind(text)
    assert pod_spec(objects)["containers"][0]["image"] == "i:1"
    assert objects["ClusterRoleBinding"]["subjects"] == [
        {"kind": "ServiceAccount", "name": "nodetally", "namespace": "n"}
    ]


def test_nothing_is_bound_to_a_namespace() -> None:
    """But the binding, which must be."""
    assert [each["kind"] for each in DOCUMENTS.values() if "namespace" in each["metadata"]] == []


def test_kustomizes_base_says_the_same() -> None:
    """The base is the file without its comments."""
    assert yaml.safe_load((BASE / "kustomization.yaml").read_text())["resources"] == ["nodetally.yaml"]
    base = by_kind((BASE / "nodetally.yaml").read_text())
    assert {kind: meaning(each) for kind, each in base.items()} == {
        kind: meaning(each) for kind, each in DOCUMENTS.items()
    }
