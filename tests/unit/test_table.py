"""The node table: golden at several widths, harmless, honest about what is unknown."""

import doctest
import io
import re
from datetime import timedelta
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

import documents
import golden
from documents import GIB, HOSTILE, NOW, figures, mixed, node, snapshot
from nodetally.cli.rendering import fields, notes, text
from nodetally.cli.rendering.bars import ASCII, UNICODE, Figures, bar
from nodetally.cli.rendering.paint import PLAIN_WIDTH, paint_for
from nodetally.cli.rendering.table import View, print_table
from nodetally.cli.rendering.text import fit, harmless, percentage, width_of
from nodetally.errors import WrongUse
from nodetally.selectors import parse_selector
from nodetally.snapshot import json_schema
from nodetally.times import format_time

EMPTY = View()


def printed(document: dict[str, object], view: View = EMPTY, width: int | None = 120, **more: object) -> str:
    file = io.StringIO()
    print_table(document, view, file=file, width=width, now=NOW, **more)  # type: ignore[arg-type]
    return file.getvalue()


def row(name: str, output: str) -> str:
    return next(line for line in output.splitlines() if line.startswith(name))


def test_the_docstrings_examples_hold() -> None:
    """Every example in the modules gives what it says."""
    assert [doctest.testmod(module).failed for module in (text, notes, fields)] == [0, 0, 0]


def test_the_documents_of_these_tests_are_snapshots() -> None:
    """What the tests draw is what a pass stores."""
    for document in (mixed(), documents.changed(), documents.many(2)):
        jsonschema.validate(document, json_schema())


@pytest.mark.parametrize("width", [80, 100, 120, 160, 200])
def test_the_table_looks_as_kept(width: int) -> None:
    """Aligned, dense, nothing wrapped: one kept text for each width."""
    golden.check(f"table-{width}.txt", printed(mixed(), width=width))


def test_the_table_in_colour_looks_as_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same text as without colour, once the escapes are taken away."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("COLORTERM", raising=False)
    monkeypatch.setenv("NO_COLOR", "")
    output = printed(mixed(), colour=True)
    golden.check("table-120-colour.txt", output)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", output)
    assert [line.rstrip() for line in plain.splitlines()] == printed(mixed()).splitlines()


def test_a_grouped_table_looks_as_kept() -> None:
    """Each group's sum stands above its nodes; nodes without a group come last; the totals stay on top."""
    golden.check("table-120-by-pool.txt", printed(mixed(), View(group_by="pool")))


def test_a_wide_table_looks_as_kept() -> None:
    """Every column there is, whatever the width."""
    golden.check("table-wide.txt", printed(mixed(), View(wide=True), width=80))


@pytest.mark.parametrize("width", [1, 20, 40, 60, 79, 80, 93, 107, 120, 133, 200, 300])
def test_no_row_is_wider_than_the_terminal(width: int) -> None:
    """A wrapped row is worse than a column less."""
    lines = printed(mixed(), width=width).splitlines()
    table = lines[3 : lines.index("", 3)]
    assert len(table) == 1 + 1 + 9
    assert max(map(width_of, table)) <= max(width, 1)


def test_narrower_tables_have_fewer_columns_but_keep_requests() -> None:
    """What a reader looks for first is dropped last."""
    titles = {width: printed(mixed(), width=width).splitlines()[3] for width in (60, 80, 120, 200)}
    assert "CPU" in titles[60]
    assert "usage" not in titles[80]
    assert "cores" in titles[120]
    assert "ZONE" in titles[200]


def test_hostile_names_are_printed_harmlessly() -> None:
    """No control character, no escape, no direction mark of a name reaches the terminal; markup stays text."""
    for view in (EMPTY, View(wide=True), View(group_by="pool")):
        output = printed(mixed(), view)
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u200b]", output)
    assert r"evil\x1b[31m[red]bold[/red]\r\n\u202egnp.exe\x9b2J<script>" in printed(mixed(), View(wide=True))


@given(st.text(max_size=20))
def test_a_harmless_text_is_printable_and_fits_in_any_width(name: str) -> None:
    """Whatever the characters: no control character is left, and a cell is exactly as wide as asked."""
    safe = harmless(name)
    assert not any(character < " " or "\x7f" <= character <= "\x9f" for character in safe)
    for width in (0, 1, 2, 7, 30):
        assert width_of(fit(safe, width)) == width
        assert width_of(fit(safe, width, middle=True, right=True)) == width


def test_unknown_figures_are_question_marks_never_zeros() -> None:
    """A node whose kubelet has said nothing, and a sum that it is part of."""
    line = row("ip-10-0-9-3", printed(mixed(), width=200))
    assert "?" in line
    assert " 0 " not in line
    assert "0.0" not in line
    assert row("all 9", printed(mixed(), width=200)).count("?") > 3


def test_a_resource_that_a_node_does_not_have_is_a_dash() -> None:
    """No GPU is not zero GPU of some, nor unknown."""
    output = printed(mixed())
    assert row("ip-10-0-1-17", output).rstrip().endswith("–")
    assert row("ip-10-0-9-1", output).rstrip().endswith("6/8")


def test_over_one_hundred_percent_has_a_sign_of_its_own() -> None:
    """Nobody needs colour to see it: other cells in the bar, a ! after a pair."""
    output = printed(mixed())
    line = row("ip-10-0-2-4", output)
    assert UNICODE.over in line
    assert UNICODE.requests not in line.split("%")[0]
    assert "131%" in line
    assert "112/110!" in row("ip-10-0-3-9", output)
    assert "6/4!" in row("ip-10-0-9-2", output)


@pytest.mark.parametrize(
    ("part", "whole", "said"),
    [
        (0, 100, "0%"),
        (1, 1_000, "<1%"),
        (999, 1_000, "99%"),
        (1_000, 1_000, "100%"),
        (1_001, 1_000, "101%"),
        (1, 0, "over"),
        (0, 0, "–"),
        (None, 1, "?"),
        (1, None, "?"),
    ],
)
def test_a_percentage_never_rounds_to_full_or_empty(part: int | None, whole: int | None, said: str) -> None:
    """0 % means nothing, 100 % means all: nothing in between is written so."""
    assert percentage(part, whole) == said


AMOUNTS = st.integers(0, 10**18)


@given(st.none() | AMOUNTS, st.none() | AMOUNTS, st.none() | AMOUNTS, st.none() | AMOUNTS, st.integers(3, 60))
def test_a_bar_is_as_wide_as_asked_and_full_only_when_full(
    allocatable: int | None, requests: int | None, limits: int | None, usage: int | None, width: int
) -> None:
    """For any figures: exact width, headroom shown while there is some, a mark for requests while there are some."""
    drawn = "".join(part for part, _ in bar(Figures(allocatable, requests, None, None), width))
    assert len(drawn) == width
    assert len("".join(part for part, _ in bar(Figures(allocatable, requests, limits, usage), width))) == width
    if allocatable is None or requests is None:
        assert drawn.strip() == "?"
    elif requests > allocatable:
        assert set(drawn) == {UNICODE.over, " "}
    elif allocatable:
        assert (UNICODE.headroom in drawn) == (requests < allocatable)
        assert (UNICODE.requests in drawn) == (requests > 0)


@pytest.mark.parametrize(
    ("amounts", "drawn"),
    [
        (Figures(100, 50, None, None), "█████░░░░░ "),
        (Figures(100, 50, 70, 20), "██┃██░░▏░░ "),
        (Figures(100, 50, 100, 80), "█████░░░┃░▏"),
        (Figures(100, 50, 101, 500), "█████░░░░┃▸"),
        (Figures(100, 150, 0, None), "▚▚▚▚▚▚▚▚▚▚ "),
        (Figures(0, 0, 0, 0), "–          "),
        (Figures(None, 50, 70, 20), "?          "),
    ],
)
def test_bars_follow_the_grammar(amounts: Figures, drawn: str) -> None:
    """requests, headroom, usage, limits: each where its share of allocatable is."""
    assert "".join(part for part, _ in bar(amounts, 11)) == drawn


def test_what_rows_cannot_say_stands_below_them() -> None:
    """Unscheduled pods, pods on unknown nodes, usage that is not whole and why, a torn moment."""
    below = " ".join(printed(mixed(), width=100).split("over 100%")[-1].split())
    assert "unscheduled: 3 pods, requests cpu 1.5 cores, memory 4.0 GiB" in below
    assert "a node that is not listed: 2 pods" in below
    assert "usage partial: unknown for 2 nodes" in below
    assert "metrics.k8s.io said nothing of them" in below
    assert "one point in time" in below


def test_a_clean_snapshot_has_no_notes() -> None:
    """Nothing to warn of, nothing said."""
    assert "!" not in printed(snapshot([node("a"), node("b")]))


def test_ended_pods_of_nodes_that_are_gone_are_no_warning() -> None:
    """They hold nothing there, and finished jobs outlive the nodes of an autoscaler."""
    gone = documents.unknown_node("gone", 0, 0, 0)
    assert "not listed" not in printed(snapshot([node("a")], unknown_nodes=[gone]))


def test_a_snapshot_of_the_future_is_not_of_now() -> None:
    """A clock that is ahead must be seen."""
    ahead = format_time(NOW + timedelta(minutes=30))
    assert "· 30 min from now ·" in printed(snapshot([node("a")], slot=ahead, taken_at=ahead))


def test_many_unknown_nodes_are_summed_up_not_listed() -> None:
    """Five by name, the rest as one line."""
    gone = [documents.unknown_node(f"gone-{index}", 2, 100, GIB) for index in range(9)]
    output = printed(snapshot([node("a")], unknown_nodes=gone))
    assert output.count("is not listed") == 5
    assert "on 4 more nodes that are not listed: 8 pods" in output


def test_usage_that_nobody_asked_for_takes_no_column() -> None:
    """A pass without usage has no column full of question marks, and no warning."""
    off: dict[str, Any] = {"status": "off", "reason": None, "oldest": None, "missing_nodes": []}
    output = printed(snapshot([node("a", cpu=(1, 1, None), memory=(1, 1, None))], usage=off), width=160)
    assert "usage" not in output.splitlines()[3]
    assert "!" not in output


def test_an_empty_cluster_says_so() -> None:
    """No table without rows."""
    assert "The cluster has no nodes." in printed(snapshot([]))


def test_a_selection_sums_only_what_it_shows() -> None:
    """The totals row is of the rows below it, and says of how many they are a part."""
    output = printed(mixed(), View(selector=parse_selector("pool=gpu")), width=160)
    assert "cores" in output
    line = row("2 nodes of 9", output)
    assert "116/220" in line
    assert "12.2 / 31.8" in line


def test_a_selection_of_nothing_says_so() -> None:
    """A known key with no match is an answer."""
    assert "No node of 9 matches zone=nowhere." in printed(mixed(), View(selector=parse_selector("zone=nowhere")))


def test_chosen_columns_are_shown_whatever_the_width() -> None:
    """What was asked for is never dropped."""
    keys = ("name", "cpu-headroom", "memory-limits", "gpu", "kubelet-version", "age", "role")
    title = printed(mixed(), View(columns=keys), width=30).splitlines()[3]
    assert title.split() == ["NODE", "headroom", "limits", "gpu", "KUBELET", "AGE", "ROLE"]


def test_an_unknown_column_is_wrong_use_that_lists_the_columns() -> None:
    """And nothing is printed before the error."""
    file = io.StringIO()
    with pytest.raises(WrongUse, match="no column 'colour'") as caught:
        print_table(mixed(), View(columns=("name", "colour")), file=file, now=NOW)
    assert "cpu-headroom" in caught.value.hint
    assert file.getvalue() == ""


def test_long_names_lose_their_shared_domain_first_then_their_middle() -> None:
    """What tells nodes apart stays: the first label of EC2's names, the end of GKE's."""
    ec2 = printed(snapshot([node(f"ip-10-0-0-{n}.eu-west-1.compute.internal") for n in (1, 2)]), width=80)
    assert "ip-10-0-0-1… " in ec2
    gke = printed(
        snapshot([node(f"gke-production-europe-default-pool-3f9a1b2c-{end}") for end in ("x7zq", "m2aa")]), width=80
    )
    assert re.search(r"gke-\S+…\S+x7zq ", gke)


def test_wide_characters_keep_the_columns_aligned() -> None:
    """A zone in Japanese takes two columns a character, and the rows still end together."""
    output = printed(snapshot([node("a", zone="東京-1", labels={}), node("b", zone="osaka-1")]), width=160)
    first, second = row("a ", output), row("b ", output)
    assert width_of(first) == width_of(second)
    assert width_of(first[: first.index("m6i")]) == width_of(second[: second.index("m6i")])


def test_a_stream_that_knows_only_ascii_gets_ascii() -> None:
    """Signs have a stand-in of one column, names are spelled out, nothing fails to encode."""
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding="ascii")
    document = snapshot([node("a", zone="東京", conditions=["DiskPressure"]), node("b")])
    print_table(document, file=file, width=160, now=NOW)
    file.flush()
    output = raw.getvalue().decode("ascii")
    assert ASCII.requests * 3 in output
    assert r"\u6771\u4eac" in output
    body = [line for line in output.splitlines() if line.startswith(("all 2", "a ", "b "))]
    assert len({line.rindex("%") for line in body}) == 1


def test_a_pipe_gets_no_colour_and_a_fixed_width(monkeypatch: pytest.MonkeyPatch) -> None:
    """COLUMNS is heeded; without it the width does not depend on who runs it."""
    monkeypatch.delenv("COLUMNS", raising=False)
    assert paint_for(io.StringIO()).width == PLAIN_WIDTH
    assert not paint_for(io.StringIO()).codes
    monkeypatch.setenv("COLUMNS", "93")
    assert paint_for(io.StringIO()).width == 93


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_no_color_and_dumb_terminals_get_no_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty NO_COLOR does not count."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "")
    assert paint_for(Terminal()).codes
    monkeypatch.setenv("NO_COLOR", "1")
    assert not paint_for(Terminal()).codes
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert not paint_for(Terminal()).codes


def test_five_thousand_nodes_have_five_thousand_rows_of_one_width() -> None:
    """Nothing is cut from a long list, and no row falls out of line."""
    lines = printed(documents.many(5_000), width=140).splitlines()
    rows = [line for line in lines if line.startswith("ip-")]
    assert len(rows) == 5_000
    assert len({line.rindex("%") for line in rows if "%" in line}) == 1


def test_a_resource_named_like_a_field_does_not_take_its_place() -> None:
    """example.com/pods is a resource; the pods column still counts pods."""
    odd = {"example.com/pods": figures(7, 7, 1, 1, None), "example.com/cpu": figures(9, 9, 2, 2, None)}
    output = printed(snapshot([node("a", resources=odd)]), width=200)
    assert "58/110" in output
    assert "example.com/cpu" in output
    assert HOSTILE not in output


@pytest.mark.parametrize("width", range(80, 130, 5))
def test_a_number_of_ready_nodes_is_never_cut(width: int) -> None:
    """5,000/5,00… would be another one: the word goes first, then the separators."""
    total = row("all 1,200", printed(documents.many(1200), View(group_by="zone"), width=width))
    assert "1200/1200 " in total.replace(",", "")
