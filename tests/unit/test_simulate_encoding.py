"""The table-driven encoder against bytes that upstream's own code made."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messages import decode, open_envelope
from nodetally.simulate.objects.encoding import encode, envelope, envelope_head, fields, varint, watch_frame
from nodetally.simulate.objects.schema import MESSAGES
from paths import VECTORS as FOLDER
from paths import WIRE
from simulate_client import without_empties

VECTORS = json.loads((FOLDER / "pods-and-quantities.json").read_bytes())
TWINS = ("pods-empty", "pods-limit2", "pods-realistic", "nodes-limit2", "nodes-realistic")


@pytest.mark.parametrize("vector", VECTORS["pods"], ids=lambda vector: vector["name"])
def test_pods_are_encoded_as_upstream_encodes_them(vector: dict[str, Any]) -> None:
    """Every worked pod becomes, byte for byte, what upstream's encoder made of it."""
    assert envelope("v1", "Pod", encode("Pod", vector["pod"])) == base64.b64decode(vector["protobuf"])


@pytest.mark.parametrize("name", TWINS)
def test_lists_are_encoded_as_a_real_server_sends_them(name: str) -> None:
    """The JSON twin of a captured protobuf list becomes the same bytes."""
    content = json.loads((WIRE / f"{name}.json").read_bytes())
    encoded = envelope("v1", content["kind"], encode(content["kind"], content))
    assert encoded == (WIRE / f"{name}.pb").read_bytes()


@pytest.mark.parametrize("name", TWINS)
def test_the_table_reads_a_capture_as_its_json_twin(name: str) -> None:
    """By the table and the protobuf library a captured list is what its JSON twin says, empties aside."""
    twin = json.loads((WIRE / f"{name}.json").read_bytes())
    api_version, kind, content = open_envelope((WIRE / f"{name}.pb").read_bytes())
    assert without_empties({"apiVersion": api_version, "kind": kind, **content}) == without_empties(twin)


def test_watch_events_are_framed_as_upstream_frames_them() -> None:
    """A length of 32 bits before the payload that upstream made of an event."""
    added = envelope("v1", "Pod", encode("Pod", VECTORS["pods"][0]["pod"]))
    payload = base64.b64decode(VECTORS["watchevent_added_payload"])
    assert watch_frame("ADDED", added) == len(payload).to_bytes(4, "big") + payload


def test_a_bookmark_is_mostly_empty_fields() -> None:
    """The bookmark that ends initial events, as upstream encodes it."""
    metadata = {"resourceVersion": "12346", "annotations": {"k8s.io/initial-events-end": "true"}}
    frame = watch_frame("BOOKMARK", envelope("v1", "Pod", encode("Pod", {"metadata": metadata})))
    assert frame[4:] == base64.b64decode(VECTORS["watchevent_bookmark_payload"])


def test_an_error_status_reads_and_writes_the_same() -> None:
    """A captured Status survives decoding and encoding unchanged."""
    captured = (WIRE / "status-400.pb").read_bytes()
    content = open_envelope(captured).content
    assert content["message"] == "field label not supported: spec.foo"
    assert envelope("v1", "Status", encode("Status", content)) == captured


def test_the_head_says_how_long_the_message_is() -> None:
    """The envelope's head can be written before the message is there."""
    raw = encode("Pod", {"metadata": {"name": "a"}})
    assert envelope("v1", "Pod", raw).startswith(envelope_head("v1", "Pod", len(raw)) + raw)


def test_metrics_have_their_own_kinds_of_field() -> None:
    """Windows are Go durations in JSON and nanoseconds in protobuf."""
    metrics = {
        "metadata": {"name": "a"},
        "timestamp": "2026-11-23T12:00:00Z",
        "window": "15.037s",
        "usage": {"cpu": "5n"},
    }
    assert decode("NodeMetrics", encode("NodeMetrics", metrics)) == metrics


def test_ports_may_be_numbers_or_names() -> None:
    """IntOrString keeps its type."""
    action = {"path": "/", "port": "http"}
    assert decode("HTTPGetAction", encode("HTTPGetAction", action)) == action
    assert decode("HTTPGetAction", encode("HTTPGetAction", action | {"port": 8080}))["port"] == 8080


def test_the_table_names_only_messages_that_it_has() -> None:
    """Each kind in the table is a message of the table or one that the encoder knows; numbers are unique and rise."""
    known = {"string", "int", "bool", "Time", "Quantity", "IntOrString", "FieldsV1", "Duration", *MESSAGES}
    for kind in MESSAGES:
        numbers = [field.number for field in fields(kind)]
        assert numbers == sorted(set(numbers)), kind
        assert {field.kind for field in fields(kind)} <= known, kind


@settings(deadline=None)  # the first number waits for the library to read the table
@given(st.integers(-(2**63), 2**63 - 1))
def test_numbers_survive(number: int) -> None:
    """Every 64-bit number is read back as it was written, the negative ones in ten bytes."""
    assert len(varint(number)) == (10 if number < 0 else max(1, -(-number.bit_length() // 7)))
    assert decode("Toleration", encode("Toleration", {"tolerationSeconds": number})) == {"tolerationSeconds": number}
