"""`make bench-flames`: where the time of a cold and of a resumed pass goes, sampled from outside by py-spy.

Several passes are laid over each other. Only threads that run count: what a pass waits for is left out, but for the
socket's reads. Writes flames.md and an SVG for each, with modules' names in place of files.
"""

import argparse
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from pathlib import Path

import plots
import report
from measuring import HERE, Command, measure
from simulated import PODS_A_NODE, Simulated, simulated

SAMPLES_A_SECOND = 1000
PY_SPY = str(Path(sys.executable).parent / "py-spy")
FRAME = re.compile(r"(.*) \((.*?)(?::\d+)?\)")
IMPORTING = "import"  # stands for the frames of importlib
WIDTH, ROW, CHARACTER = 1200, 17, 6.2
LEAST = 0.0015  # of all samples; what is narrower than 2 pixels cannot be seen
MOST_BYTES = 300_000
TOLD = 12  # so many modules are listed
WAITS = ("threading: Condition.wait", "concurrent.futures.thread: _worker")  # py-spy takes some sleepers for runners
KINDS = {"nodetally": "#4493f8", IMPORTING: "#9198a1", "protobuf": "#c297ff", "click": "#f0883e", "botocore": "#f0883e"}
OTHER = "#3fb950"  # the standard library

Stacks = Mapping[tuple[str, ...], int]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pods", type=int, default=10_000)
    parser.add_argument("--passes", type=int, default=8)
    parser.add_argument("--out", type=Path, default=HERE, metavar="FOLDER")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with simulated(folder, max(1, chosen.pods // PODS_A_NODE), chosen.pods) as cluster:
            found = {
                what: sampled(command, folder / "stacks", chosen.passes)
                for what, command in _commands(cluster, folder, chosen.pods).items()
            }
    for what, stacks in found.items():
        (chosen.out / f"flame-{what}.svg").write_text(bounded(stacks))
    text = "\n".join(described(found, chosen.pods, chosen.passes))
    (chosen.out / "flames.md").write_text(text)
    print(text)


def _commands(cluster: Simulated, folder: Path, pods: int) -> dict[str, Command]:
    def changed() -> None:
        cluster.churn(max(1, pods // 100))

    cold = cluster.pass_of(str(folder / "cold"))
    resumed = cluster.pass_of(str(folder / "resumed"), "--cache", str(folder / "cache"), before=changed)
    for command in (cold, resumed):
        measure(command)  # so that there is something to resume from, and nothing left to compile
    return {"cold": cold, "resumed": resumed}


def sampled(command: Command, file: Path, passes: int) -> Stacks:
    """Samples by stack, outermost frame first, of several runs."""
    found: Counter[tuple[str, ...]] = Counter()
    options = f"--rate {SAMPLES_A_SECOND} --function --format raw --output".split()
    recorder = [PY_SPY, "record", *options, str(file)]
    for _ in range(passes):
        measure(Command([*recorder, "--", sys.executable, *command.arguments], command.environment, command.before))
        for line in file.read_text().splitlines():
            stack, _, samples = line.rpartition(" ")
            shown = tuple(frames(stack))
            if stack and shown[-1] not in WAITS:
                found[shown] += int(samples)
    return found


def frames(stack: str) -> Iterator[str]:
    """
    >>> list(frames("<module> (nodetally:1);main (nodetally/cli/main.py:8);_load (<frozen importlib._bootstrap>:6);<module> (/x/lib/python3.11/ssl.py:1)"))
    ['nodetally', 'nodetally.cli.main: main', 'import', 'ssl']
    """
    last = ""
    for frame in re.split(r";(?=[^;]* \()", stack):
        matched = FRAME.fullmatch(frame)
        function, file = matched.groups() if matched else (frame, "")
        module = module_of(file)
        shown = IMPORTING if "importlib" in file else module if function == "<module>" else f"{module}: {function}"
        if shown != IMPORTING or last != IMPORTING:
            yield shown
        last = shown


def module_of(file: str) -> str:
    """A file's module; nothing is left of where it was installed."""
    inside = re.split(r"(?:site-packages|python3\.\d+|job|bin)/", file)[-1]
    return inside.removesuffix(".py").removesuffix("/__init__").strip("/").replace("/", ".")


def bounded(stacks: Stacks) -> str:
    """The picture, with as many of its narrow frames as fit."""
    least = LEAST
    while len(found := picture(stacks, least)) > MOST_BYTES:
        least *= 1.5
    return found


def picture(stacks: Stacks, least: float) -> str:
    """Frames from the top down, as wide as their share of all samples."""
    total = sum(stacks.values())
    parts: list[str] = []
    deepest = 0
    for depth, start, frame, samples in blocks(stacks):
        if samples < least * total:
            continue
        deepest = max(deepest, depth)
        parts.append(_block(WIDTH * start / total, depth * ROW, WIDTH * samples / total, frame, samples / total))
    return plots.svg(WIDTH, (deepest + 1) * ROW, parts)


def _block(x: float, y: float, width: float, frame: str, share: float) -> str:
    colour = KINDS.get(re.split(r"[.:]", frame)[0], OTHER)
    room = int((width - 4) / CHARACTER)
    shown = frame if len(frame) <= room else frame.rpartition(" ")[2][:room]
    label = f'<text x="{x + 2:.1f}" y="{y + 12}" style="fill:#0d1117">{escape(shown)}</text>' if room > 2 else ""
    box = f'<rect x="{x:.1f}" y="{y}" width="{max(0.5, width - 0.5):.1f}" height="{ROW - 1}" fill="{colour}"/>'
    return f"<g><title>{escape(frame)}: {share * 100:.1f} %</title>{box}{label}</g>"


def blocks(stacks: Stacks) -> Iterator[tuple[int, int, str, int]]:
    """Depth, first sample, frame and samples of each block: stacks side by side in order, equal beginnings joined.

    >>> list(blocks({("a", "b"): 2, ("a",): 1}))
    [(0, 0, 'a', 3), (1, 1, 'b', 2)]
    """
    ordered = sorted(stacks.items())
    yield from _blocks([(list(stack), samples) for stack, samples in ordered], 0, 0)


def _blocks(stacks: list[tuple[list[str], int]], depth: int, start: int) -> Iterator[tuple[int, int, str, int]]:
    groups: dict[str, list[tuple[list[str], int]]] = {}
    for stack, samples in stacks:
        if len(stack) > depth:
            groups.setdefault(stack[depth], []).append((stack, samples))
        else:
            start += samples
    for frame, inside in groups.items():
        samples = sum(each for _, each in inside)
        yield depth, start, frame, samples
        yield from _blocks(inside, depth + 1, start)
        start += samples


def described(found: Mapping[str, Stacks], pods: int, passes: int) -> list[str]:
    """The page: the pictures, and the modules with most samples of their own."""
    lines = [
        "# Where the time goes",
        "",
        f"Written by `make bench-flames`: {passes} whole processes each, {pods:,} pods, directory store, sampled by py-spy",
        f"{SAMPLES_A_SECOND:,} times a second. Threads that wait are left out, but for reads of a socket (`socket`, `ssl`), which",
        "wait for the API server and copy what it sent. Blue is nodetally, grey the imports, orange and violet packages,",
        "green the standard library; open a picture by itself to read its narrow frames.",
    ]
    for what, stacks in found.items():
        total = sum(stacks.values())
        rows = [(f"`{module}`", f"{samples / total * 100:.0f} %") for module, samples in own(stacks).most_common(TOLD)]
        lines += ["", f"## A {what} pass: {total:,} samples", "", f"![{what}](flame-{what}.svg)"]
        lines += ["", "Samples by the module that ran, the imports by what they were for:", ""]
        lines += report.table(("module", "share"), rows)
    return [*lines, ""]


def own(stacks: Stacks) -> Counter[str]:
    """Samples by the module on top of the stack; an import by the outermost package that it brought."""
    found: Counter[str] = Counter()
    for stack, samples in stacks.items():
        found[_charged(stack)] += samples
    return found


def _charged(stack: Iterable[str]) -> str:
    frames = list(stack)
    if IMPORTING not in frames:
        return frames[-1].partition(":")[0]
    brought = [frame for frame in frames[frames.index(IMPORTING) + 1 :] if frame != IMPORTING]
    other = [frame for frame in brought if not frame.startswith("nodetally")]
    return f"import {(other or brought or ['…'])[0].partition(':')[0]}"


if __name__ == "__main__":
    main()
