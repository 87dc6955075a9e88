"""The layers of the design, held against every module's imports."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from paths import PACKAGE

ROOT = PACKAGE.parent.parent
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
PICTURE = CONTRIBUTING.split("```")[1]

# Who may import whom: a part may use those to its right and itself. Parts not named here do not exist.
LAYERS = [
    {"aws_lambda"},
    {"cli"},
    {"demo"},
    {"collect", "backfill", "history"},
    {"cache"},
    {"assemble", "simulate", "compare", "dashboard", "rollup"},
    {"cluster", "store"},
    {"snapshot"},
    {"accounting"},
    {"settings", "errors", "times", "selectors", "__init__"},
]
# The same within the simulator, which is a project of its own size: sockets, answers, state, objects.
SIMULATE = [
    {"server", "control"},  # control drives the server that it is part of
    {"sending"},
    {"faults"},
    {"api"},
    {"cluster"},
    {"views", "history"},
    {"fleet"},
    {"objects"},
    {"errors", "behaviour", "tls", "kubeconfig", "__init__"},
]
DOWN_TO_THE_SIDE = {("settings", "accounting"), ("times", "errors"), ("selectors", "errors")}
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if not path.name.endswith("_pb2.py"))
READS_THE_ENVIRONMENT = {"settings.py", "cli/rendering/paint.py"}  # paint: NO_COLOR and COLUMNS, the terminal's own
OUTSIDE_ACCOUNTING = {"os", "time", "socket", "subprocess", "pathlib", "urllib", "http", "random", "datetime"}


def imports(path: Path) -> Iterator[str]:
    """Every module that this one imports, anywhere in it, with its full name."""
    for each in ast.walk(ast.parse(path.read_text())):
        if isinstance(each, ast.Import):
            yield from (alias.name for alias in each.names)
        elif isinstance(each, ast.ImportFrom):
            assert not each.level, f"{path}: relative import"
            yield str(each.module)
            yield from (f"{each.module}.{alias.name}" for alias in each.names)


def part(name: str) -> str:
    return name.split(".")[1] if "." in name else "__init__"


def layer(name: str) -> int:
    return next(at for at, parts in enumerate(LAYERS) if name in parts)


def ids(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


@pytest.mark.parametrize("path", MODULES, ids=ids)
def test_imports_go_down_only(path: Path) -> None:
    """A lower layer never knows a higher one, nor parts of one layer each other, but for what is listed."""
    here = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    for name in imports(path):
        if name.partition(".")[0] != "nodetally" or part(name) in (here, "__init__", "__version__"):
            continue
        there = part(name)
        assert layer(there) > layer(here) or (here, there) in DOWN_TO_THE_SIDE, f"{ids(path)} imports {name}"


@pytest.mark.parametrize("path", sorted((PACKAGE / "simulate").rglob("*.py")), ids=ids)
def test_the_simulator_has_layers_too(path: Path) -> None:
    """Its API knows no server, its cluster no API, its objects no cluster; each module has its place among them."""
    here = path.relative_to(PACKAGE / "simulate").parts[0].removesuffix(".py")
    inside = (name.split(".")[2] for name in imports(path) if name.startswith("nodetally.simulate."))
    for there in {*inside, here}:
        place, other = (next(at for at, parts in enumerate(SIMULATE) if name in parts) for name in (here, there))
        assert other > place or here == there or {here, there} == SIMULATE[0], f"{ids(path)} imports {there}"


@pytest.mark.parametrize("path", MODULES, ids=ids)
def test_heavy_clients_have_one_door(path: Path) -> None:
    """kubernetes only where kubeconfigs are read, botocore for S3 and EKS; accounting has no outside world."""
    roots = {name.partition(".")[0] for name in imports(path)}
    assert "kubernetes" not in roots or ids(path) == "cluster/kubeconfig.py"
    assert not roots & {"boto3", "botocore"} or ids(path).startswith(("store/s3", "cluster/eks"))
    assert "pyarrow" not in roots or ids(path) == "rollup/arrow.py"
    assert not (ids(path).startswith("accounting/") and roots & OUTSIDE_ACCOUNTING)


@pytest.mark.parametrize("path", MODULES, ids=ids)
def test_only_settings_reads_the_environment(path: Path) -> None:
    """Everything else is told."""
    read = [each.attr for each in ast.walk(ast.parse(path.read_text())) if isinstance(each, ast.Attribute)]
    assert not {"environ", "getenv"} & set(read) or ids(path) in READS_THE_ENVIRONMENT


@pytest.mark.parametrize("path", MODULES, ids=ids)
def test_every_module_says_its_place(path: Path) -> None:
    """The first line of every module is a sentence."""
    first = (ast.get_docstring(ast.parse(path.read_text())) or "").partition("\n")[0]
    assert first.endswith((".", ":")), f"{ids(path)}: {first!r}"


@pytest.mark.parametrize("package", ["store", "backfill"])
def test_a_packages_map_names_every_module_of_it(package: str) -> None:
    """So that the first file of a folder tells a newcomer where each step is."""
    said = ast.get_docstring(ast.parse((PACKAGE / package / "__init__.py").read_text())) or ""
    modules = {path.stem for path in (PACKAGE / package).glob("*.py")} - {"__init__"}
    assert modules <= set(re.findall(r"\w+", said))


def test_contributing_tells_the_same_layers() -> None:
    """Top to bottom; `__init__` goes without saying."""
    sentence = re.search(r"Layers go down only: (.*?)\. ", CONTRIBUTING)
    assert sentence is not None
    told = [set(re.findall(r"`(\w+)`", parts)) for parts in sentence[1].split("→")]
    assert told == [parts - {"__init__"} for parts in LAYERS]


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`([\w.-]+/[\w./-]*|\w+\.(?:py|proto|yaml))`", CONTRIBUTING))))
def test_what_contributing_names_is_there(name: str) -> None:
    """A path of the package, or of the repository."""
    assert (PACKAGE / name).exists() or (ROOT / name).exists()


@pytest.mark.parametrize("name", re.findall(r"\b(?:cli|cluster|accounting|store)/\w+", PICTURE))
def test_what_the_picture_shows_is_a_module(name: str) -> None:
    """The boxes of CONTRIBUTING's picture."""
    assert (PACKAGE / f"{name}.py").is_file()
