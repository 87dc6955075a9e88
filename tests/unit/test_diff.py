"""`nodetally diff` and the comparison behind it."""

import io
import re
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

import documents
import golden
from documents import GIB, SLOT, changed, figures, later, many, mixed, node, save, snapshot
from nodetally.cli.diff import diff, print_diff
from nodetally.cli.rendering.changes import LISTED
from nodetally.cli.rendering.text import width_of
from nodetally.cli.stored import file_document, named_document
from nodetally.compare import Delta, as_document, compare
from nodetally.errors import WrongUse
from nodetally.snapshot import encode
from nodetally.store.directory import DirectoryStore
from nodetally.store.publish import publish


def printed(before: dict[str, Any], after: dict[str, Any], width: int = 120, **more: Any) -> str:
    file = io.StringIO()
    print_diff(before, after, file=file, width=width, **more)
    return file.getvalue()


def run(*arguments: str) -> str:
    """What the command prints; an error of ours is raised as it is."""
    result = CliRunner().invoke(diff, arguments, catch_exceptions=False, standalone_mode=False)
    if result.exception:
        raise result.exception
    return result.output


@pytest.mark.parametrize("width", [80, 120, 200])
def test_a_difference_looks_as_kept(width: int) -> None:
    """Aligned, signed, with units, nothing wrapped but words."""
    golden.check(f"diff-{width}.txt", printed(mixed(), changed(), width=width))


def test_a_full_difference_looks_as_kept() -> None:
    """With --all the small changes too."""
    golden.check("diff-120-all.txt", printed(mixed(), changed(), everything=True))


def test_the_same_snapshot_twice_is_no_change() -> None:
    """Said plainly, and false as a value."""
    assert not compare(mixed(), mixed())
    assert printed(mixed(), mixed()).splitlines()[-1] == "no change"
    assert not compare(mixed(), later(mixed()))


def test_one_snapshot_for_both_sides_is_said(tmp_path: Path) -> None:
    """Nothing was stored in the last 12 hours: that nothing changed is not known."""
    document = snapshot([node("a")])
    publish(DirectoryStore(tmp_path), document, encode(document))
    result = CliRunner().invoke(diff, ["--store", str(tmp_path), "now"])
    assert result.stdout.splitlines()[-1] == "no change"
    assert result.stderr == f"FROM and TO are one snapshot, of {document['slot']}: none was stored between them.\n"


def test_nodes_come_go_and_are_recreated() -> None:
    """The same name with another uid is another machine, not a change of one."""
    before = snapshot([node("gone"), node("kept"), node("again")])
    after = snapshot([node("new"), node("kept"), node("again", uid="another")])
    found = compare(before, after)
    assert [row["name"] for row in found.came] == ["new"]
    assert [row["name"] for row in found.went] == ["gone"]
    assert [change.name for change in found.recreated] == ["again"]
    assert found.changed == ()
    assert found.unchanged == 1


@pytest.mark.parametrize("uid", [None, ""])
def test_an_unknown_uid_recreates_nothing(uid: str | None) -> None:
    """History from metrics knows names only."""
    assert not compare(snapshot([node("a", uid=uid)]), snapshot([node("a")])).recreated


def test_an_unknown_side_is_unknown_not_a_difference() -> None:
    """null → 2210 is not +2210; and it is said."""
    before, after = snapshot([node("a", cpu=(1, 2, None))]), snapshot([node("a", cpu=(1, 2, 2_210))])
    (change,) = compare(before, after).changed
    assert change.deltas == (Delta("cpu", "usage", None, 2_210),)
    assert change.deltas[0].value is None
    assert "unknown" in printed(before, after, everything=True)
    assert as_document(compare(before, after))["nodes"]["changed"][0]["resources"]["cpu"]["usage"] == {
        "from": None,
        "to": 2_210,
        "delta": None,
    }


def test_a_resource_that_appears_counts_from_zero() -> None:
    """A device plugin that starts adds its devices; its usage stays unknown."""
    gpu = {"nvidia.com/gpu": figures(8, 8, 2, 2, None)}
    (change,) = compare(snapshot([node("a")]), snapshot([node("a", resources=gpu)])).changed
    assert set(change.deltas) == {
        Delta("nvidia.com/gpu", "allocatable", 0, 8),
        Delta("nvidia.com/gpu", "requests", 0, 2),
        Delta("nvidia.com/gpu", "limits", 0, 2),
    }


def test_states_are_told_in_kubectls_words() -> None:
    """ready, cordon, conditions, taints, pool, kubelet: each with what it was."""
    taint = {"key": "drain", "value": "now", "effect": "NoExecute"}
    before = snapshot([node("a", conditions=["PIDPressure"], labels={"team": "x"})])
    change = {"ready": False, "schedulable": False, "cordoned": True, "conditions": ["DiskPressure"], "taints": [taint]}
    after = snapshot([node("a", pool="ng-2", kubelet_version="v1.38.0", roles=[], labels={"team": "y"}, **change)])
    output = " ".join(printed(before, after).split())
    for words in (
        "Ready → NotReady",
        "+SchedulingDisabled",
        "+DiskPressure",
        "−PIDPressure",
        "+taint drain=now:NoExecute",
        "pool ng-1 → ng-2",
        "kubelet v1.37.2 → v1.38.0",
        "−role worker",
        "+label team=y",
        "−label team=x",
    ):
        assert words in output


def test_the_largest_change_comes_first_and_a_lost_node_before_all() -> None:
    """A reader sees what matters without scrolling."""
    before = snapshot([node("a"), node("b"), node("c")])
    after = snapshot(
        [node("a", cpu=(6_200, 15_400, 2_210)), node("b", cpu=(9_000, 15_400, 2_210)), node("c", ready=False)]
    )
    assert [change.name for change in compare(before, after).changed] == ["c", "b", "a"]


def test_namespaces_come_and_go_with_all_they_ask_for() -> None:
    """A namespace that is not there asks for nothing."""
    before = snapshot([node("a")], namespaces=[documents.namespace("small", 1, 100, GIB)])
    after = snapshot([node("a")], namespaces=[documents.namespace("large", 9, 9_000, GIB)])
    large, small = compare(before, after).namespaces or ()
    assert (large.name, small.name) == ("large", "small")
    assert Delta("cpu", "requests", 0, 9_000) in large.deltas
    assert Delta("pods", "counted", 1, 0) in small.deltas


def test_usage_that_moves_a_little_is_counted_not_listed() -> None:
    """Usage moves on every node all the time; --all lists it."""
    before = snapshot([node("a"), node("b", cpu=(6_100, 15_400, 2_210))])
    after = snapshot([node("a", cpu=(6_100, 15_400, 2_211)), node("b", cpu=(6_100, 15_400, 9_000))])
    assert not re.search(r"^a ", printed(before, after), re.M)
    assert re.search(r"^b .*\+6\.8 cores", printed(before, after), re.M)
    assert "and 1 more node whose usage or ended pods alone moved a little: --all" in printed(before, after)
    assert re.search(r"^a ", printed(before, after, everything=True), re.M)


def test_long_lists_are_cut_and_say_so() -> None:
    """The largest are shown, the rest counted, --all shows them."""
    output = printed(snapshot([]), many(100))
    assert output.count("\n+ ip-") == LISTED
    assert f"and {100 - LISTED} more nodes: --all" in output
    assert printed(snapshot([]), many(100), everything=True).count("\n+ ip-") == 100


def test_columns_without_room_are_named() -> None:
    """What a narrow terminal hides is said, and where it can be seen."""
    assert "no room for: cpu limits, cpu usage, memory usage" in printed(mixed(), changed(), width=80)
    assert "no room" not in printed(mixed(), changed(), width=200)


def test_a_stream_that_knows_only_ascii_gets_ascii() -> None:
    """Arrows and signs have a stand-in; names are spelled out."""
    file = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    print_diff(mixed(), changed(), file=file, width=100)
    file.seek(0)
    output = file.read()
    assert "NotReady > Ready" in output
    assert "-83" in output
    assert r"→" not in output
    assert r"−" not in output


@pytest.mark.parametrize("width", [40, 61, 80, 100, 120, 180])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    """Rows lose columns, words wrap; the header and the notes are text."""
    rows = printed(mixed(), changed(), width=width).split("TOTALS")[1].splitlines()
    said = [line for line in rows if not line.startswith("  ")]
    assert max(map(width_of, said)) <= width


def test_hostile_names_are_printed_harmlessly() -> None:
    """In every section: nodes, states, namespaces, unknown nodes."""
    evil = documents.HOSTILE
    after = snapshot(
        [node(evil, pool=evil, taints=[{"key": evil, "value": evil, "effect": evil}], conditions=[evil])],
        cluster=evil,
        namespaces=[documents.namespace(evil, 3, 9, 9)],
        unknown_nodes=[documents.unknown_node(evil, 3, 9, 9)],
    )
    for before in (snapshot([]), snapshot([node(evil)])):
        for document in (printed(before, after), printed(after, before)):
            assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", document)


AMOUNTS = st.none() | st.integers(0, 10**15)


@st.composite
def clusters(draw: st.DrawFn) -> dict[str, Any]:
    names = draw(st.lists(st.sampled_from("abcdef"), unique=True))
    return snapshot(
        [
            node(
                name,
                uid=draw(st.sampled_from(["1", "2"])),
                cpu=(draw(AMOUNTS), draw(AMOUNTS), draw(AMOUNTS)),
                counted=draw(st.integers(0, 9)),
                ready=draw(st.booleans()),
            )
            for name in names
        ]
    )


@given(clusters(), clusters())
@settings(deadline=None)
def test_a_difference_backwards_is_the_difference_negated(before: dict[str, Any], after: dict[str, Any]) -> None:
    """What came went, and every delta changes its sign; unknown stays unknown."""
    there, back = compare(before, after), compare(after, before)
    assert there.came == back.went
    assert there.went == back.came
    forwards = {change.name: change for change in (*there.changed, *there.recreated)}
    backwards = {change.name: change for change in (*back.changed, *back.recreated)}
    assert forwards.keys() == backwards.keys()
    for name, change in forwards.items():
        turned = tuple(Delta(each.resource, each.figure, each.after, each.before) for each in backwards[name].deltas)
        assert change.deltas == turned
    assert there.unchanged + len(forwards) + len(there.came) == len(after["nodes"])
    assert printed(before, after)


@given(clusters(), clusters())
def test_the_deltas_of_nodes_add_up_to_those_of_the_totals(before: dict[str, Any], after: dict[str, Any]) -> None:
    """Nothing that moved is left out: pods that came, went and moved give the total's difference."""
    found = compare(before, after)
    moved = sum(
        delta.value or 0
        for change in (*found.changed, *found.recreated)
        for delta in change.deltas
        if (delta.resource, delta.figure) == ("pods", "counted")
    )
    came, went = (sum(row["pods"]["counted"] for row in rows) for rows in (found.came, found.went))
    total = {(delta.resource, delta.figure): delta.value for delta in found.totals}
    assert moved + came - went == total.get(("pods", "counted"), 0)


def test_files_are_compared_without_a_store(tmp_path: Path) -> None:
    """Plain JSON, and gzip as a store keeps it, also of different stores."""
    before = save(mixed(), tmp_path / "before.json.gz")
    after = save(changed(), tmp_path / "after.json")
    assert "NotReady → Ready" in run(str(before), str(after))
    found = orjson.loads(run(str(before), str(after), "--format", "json"))
    assert found == orjson.loads(orjson.dumps(as_document(compare(mixed(), changed()))))
    assert [row["name"].partition(".")[0] for row in found["nodes"]["came"]] == ["ip-10-0-4-1"]
    assert found["from"]["slot"] == "2026-11-23T12:00:00Z"


@pytest.mark.parametrize(
    ("name", "body", "said"),
    [
        ("a.json", b"", "not a snapshot"),
        ("a.json", b"[1]", "not a snapshot"),
        ("a.json", b'{"kind": "List"}', "not a snapshot"),
        ("a.json.gz", b"\x1f\x8bnot gzip", "not a snapshot"),
        ("a.json.gz", b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xab", "not a snapshot"),
        ("a.json", b'{"schema": 2, "nodes": []}', "this nodetally reads up to 1"),
    ],
)
def test_a_file_that_is_no_snapshot_is_wrong_use(tmp_path: Path, name: str, body: bytes, said: str) -> None:
    """It is named, and the error says where snapshots come from."""
    path = tmp_path / name
    path.write_bytes(body)
    with pytest.raises(WrongUse, match=said) as caught:
        file_document(path)
    assert str(path) in str(caught.value)
    assert caught.value.hint


def test_a_file_that_is_not_there_is_not_taken_for_a_time() -> None:
    """The name says that a file was meant."""
    with pytest.raises(WrongUse, match=r"cannot read nowhere\.json: No such file"):
        named_document("nowhere.json", "./store", None, SLOT)


def test_what_is_neither_time_nor_file_lists_the_forms() -> None:
    """A typing error is answered with what can be typed."""
    with pytest.raises(WrongUse, match="not a time: 'yesterday'") as caught:
        named_document("yesterday", "./store", None, SLOT)
    assert "24h" in caught.value.hint
    assert "snapshot's file" in caught.value.hint


def test_what_had_no_room_is_said_within_the_room() -> None:
    """A narrow terminal is when figures are left out, and so when the note of it must not be too wide."""
    output = printed(many(60), later(many(60, seed=8)), width=80)
    assert "no room for: cpu limits" in output
    assert max(map(width_of, output.splitlines())) <= 80
