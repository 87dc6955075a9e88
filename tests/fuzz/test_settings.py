"""Kubeconfigs and Lambda events of any shape: what they say is used, or an error says what is wrong with them."""

import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fuzz.shapes import bodies, changed, values
from nodetally.aws_lambda.events import FIELDS, backfill_arguments, passes_asked
from nodetally.cluster.access import Access
from nodetally.cluster.kubeconfig import from_kubeconfig
from nodetally.errors import ClusterError, WrongUse

KUBECONFIG = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "c",
    "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u", "namespace": "default"}}],
    "clusters": [
        {
            "name": "k",
            "cluster": {
                "server": "https://127.0.0.1:6443",
                "certificate-authority-data": "UEVN",
                "insecure-skip-tls-verify": False,
                "tls-server-name": "kubernetes",
                "proxy-url": "http://proxy:3128",
            },
        }
    ],
    "users": [{"name": "u", "user": {"token": "t", "client-certificate-data": "UEVN", "client-key-data": "UEVN"}}],
}
SCHEDULED = {
    "id": "x",
    "detail-type": "Scheduled Event",
    "time": "2026-11-23T12:00:00Z",
    "detail": {"clusters": ["a", {"cluster": "b", "eks": "e"}]},
}
BACKFILL = {
    "cluster": "c",
    "backfill": {"source": "prometheus", "location": "http://p:9090", "from": "30d", "match": ['cluster="c"']},
}


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(bodies(KUBECONFIG), st.sampled_from([None, "c", ""]))
def test_a_kubeconfig_of_any_shape_is_read_or_wrong_use(body: bytes, context: str | None) -> None:
    """As JSON, which is YAML, too; nothing but the two errors that name the file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config"
        path.write_bytes(body)
        try:
            found = from_kubeconfig(str(path), context)
            said = found.authorization()
        except (WrongUse, ClusterError) as error:
            assert str(error)
            return
    assert isinstance(found, Access)
    for text in (found.server, found.ca or "", found.server_name or "", found.proxy or "", said or ""):
        assert isinstance(text, str)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.one_of(values, changed(SCHEDULED), changed({"clusters": ["a"]}), changed({"cluster": "a", "eks": "e"})))
def test_an_event_of_any_shape_asks_for_passes_or_is_wrong_use(event: Any) -> None:
    """Texts under the names that an event may hold, or an error."""
    try:
        asked = list(passes_asked(event))
    except WrongUse as error:
        assert error.hint
        return
    for each in asked:
        assert set(each) <= set(FIELDS)
        assert all(isinstance(value, str) and value for value in each.values())


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(changed(BACKFILL))
def test_an_event_for_a_backfill_is_its_command_or_wrong_use(event: Any) -> None:
    """No text of it becomes an option that it may not give."""
    if not isinstance(event, dict) or "backfill" not in event:
        return
    try:
        source, *options, dashes, location = backfill_arguments(event, "5m")
    except WrongUse as error:
        assert error.hint
        return
    assert (source, dashes, location) == (event["backfill"]["source"], "--", event["backfill"]["location"])
    assert all(each.startswith("--") and "=" in each for each in options)
    assert not any(each.startswith(("--store", "--bearer", "--basic", "--ca")) for each in options)


def test_what_the_properties_change_is_right_to_begin_with(tmp_path: Path) -> None:
    """The whole kubeconfig and both events are used."""
    path = tmp_path / "config"
    path.write_text(json.dumps(KUBECONFIG))
    assert from_kubeconfig(str(path), None).server == "https://127.0.0.1:6443"
    assert [each["cluster"] for each in passes_asked(SCHEDULED)] == ["a", "b"]
    assert backfill_arguments(BACKFILL)[0] == "prometheus"
