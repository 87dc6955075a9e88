"""`make fuzz`: the properties of this folder for FUZZ_SECONDS each, guided by coverage (atheris); NAME=… for some.

Each runs in a process of its own, which atheris ends. Without atheris the same properties meet as many random inputs
as there is time for.
"""

import importlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

TARGETS = {
    "dump": "fuzz.test_dump:test_a_dump_of_any_shape_is_refused_or_counted",
    "readers": "fuzz.test_store_documents:test_whatever_a_document_is_a_reader_says_so_or_is_right",
    "writers": "fuzz.test_store_documents:test_whatever_a_derived_document_is_a_pass_and_a_repair_cope",
    "framing": "fuzz.test_framing:test_tags_and_lengths_of_any_kind_are_an_error_or_a_list",
}


def main() -> None:
    """All targets, or the one that is named."""
    if len(sys.argv) > 1:
        return one(sys.argv[1])
    seconds = int(os.environ.get("FUZZ_SECONDS") or 60)
    wanted = os.environ.get("NAME") or ""
    failed = []
    for name in (each for each in TARGETS if wanted in each):
        sys.stdout.write(f"{name}: {seconds} s\n")
        sys.stdout.flush()
        if subprocess.run([sys.executable, "-m", "fuzz", name], check=False).returncode:
            failed.append(name)
    sys.exit(f"breaches: {', '.join(failed)}; the input is told above" if failed else 0)


def one(name: str) -> None:
    """One target until its time is over, or something breaks."""
    seconds = int(os.environ.get("FUZZ_SECONDS") or 60)
    try:
        import atheris
    except ImportError:
        sys.stdout.write("there is no atheris here: inputs are random, not guided by coverage\n")
        return at_random(load(name), seconds)
    with atheris.instrument_imports(include=["nodetally"]):
        target = load(name)
    with tempfile.TemporaryDirectory() as folder:
        found = Path(folder)
        options = [f"-max_total_time={seconds}", f"-artifact_prefix={found}/", "-max_len=8192", "-print_final_stats=1"]
        atheris.Setup([sys.argv[0], *options, folder], target.hypothesis.fuzz_one_input)
        atheris.Fuzz()
    return None


def at_random(target: Any, seconds: int) -> None:
    """As many examples as fit into the time."""
    from hypothesis import settings

    end, tried = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        settings(max_examples=200, database=None)(target)()
        tried += 200
    sys.stdout.write(f"{tried:,} inputs\n")


def load(name: str) -> Any:
    """The property of a target."""
    module, _, function = TARGETS[name].partition(":")
    return getattr(importlib.import_module(module), function)


if __name__ == "__main__":
    main()
