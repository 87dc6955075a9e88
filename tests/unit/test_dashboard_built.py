"""The built page: whole, within its budget, in the wheel; and what is said when it is not there."""

import gzip
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from nodetally.dashboard import built
from nodetally.dashboard.built import built_page
from nodetally.errors import StoreError, WrongUse
from paths import ROOT

BUDGET_BYTES = 80 * 1024  # gzip, script and style together
NAME = re.compile(r"assets/[A-Za-z0-9_.-]+-[A-Za-z0-9_-]{8,}\.(?:js|css|svg|woff2)")


def test_names_carry_a_hash() -> None:
    """They are cached for a year: another content needs another name."""
    assert all(NAME.fullmatch(key) for key in built_page().assets)


def test_script_and_style_are_small() -> None:
    """80 KB over the wire."""
    assert sum(len(gzip.compress(file.body)) for file in built_page().assets.values()) <= BUDGET_BYTES


def test_the_page_is_under_a_strict_policy_and_asks_no_other_host() -> None:
    """No inline script or style, relative URLs only, so that it works under any prefix."""
    page = built_page()
    front = page.front.body.decode()
    policy = dict(each.strip().split(" ", 1) for each in page.content_security_policy.split(";"))
    assert policy["default-src"] == "'none'"
    assert {policy[name] for name in ("script-src", "style-src", "connect-src")} == {"'self'"}
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon\w+=", front)
    assert not re.search(r"""(?:src|href)=["'](?!\./assets/|data:)""", front)


def folder_with(tmp_path: Path, front: str, *assets: str) -> Path:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text(front)
    for name in assets:
        (tmp_path / "assets" / name).write_text("")
    return tmp_path


@pytest.mark.parametrize(
    ("front", "assets"),
    [
        ("<title>nodetally</title>", ["a.js"]),
        ('<title>nodetally</title><script src="./assets/b.js">', ["a.js"]),
        ('<title>wiki</title><script src="./assets/a.js">', ["a.js"]),
        ('<title>nodetally</title><script src="./assets/a.js">', []),
    ],
)
def test_half_a_page_is_refused(tmp_path: Path, front: str, assets: list[str]) -> None:
    """A build that broke off is not published."""
    with pytest.raises(WrongUse, match="is not whole"):
        built_page(folder_with(tmp_path, front, *assets))


def test_a_page_that_was_not_built_says_how(tmp_path: Path) -> None:
    """`make page` is in the hint."""
    with pytest.raises(WrongUse, match="not built") as caught:
        built_page(tmp_path / "page")
    assert "make page" in caught.value.hint


def test_a_file_of_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    """It would be sent with no type."""
    front = '<title>nodetally</title><script src="./assets/a.js">'
    with pytest.raises(StoreError, match="no type is known"):
        built_page(folder_with(tmp_path, front, "a.js", "b.wasm"))


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_the_distribution_holds_the_page(tmp_path: Path, kind: str) -> None:
    """Built by the backend alone, without network or Node."""
    script = f"import sys; from hatchling.build import build_{kind} as build; print(build(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], cwd=ROOT, check=True, capture_output=True, text=True
    )
    path = tmp_path / done.stdout.split()[-1]
    if kind == "wheel":
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    else:
        with tarfile.open(path) as archive:
            names = [name.partition("/job/")[2] for name in archive.getnames()]
    page = {f"nodetally/dashboard/page/{key}" for key in ("index.html", *built_page().assets)}
    assert {name for name in names if name.startswith("nodetally/dashboard/page/") and name.count(".")} == page
    assert built.FOLDER.is_dir()
