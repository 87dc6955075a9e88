"""`make fuzz`: the properties of this folder for FUZZ_SECONDS each, guided by coverage (atheris); NAME=… for some.

Each runs in a process of its own, which atheris ends. Without atheris the same properties meet as many random inputs
as there is time for.
"""

import importlib
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

TARGETS = {
    "dump": "fuzz.test_dump:test_a_dump_of_any_shape_is_refused_or_counted",
    "readers": "fuzz.test_store_documents:test_whatever_a_document_is_a_reader_says_so_or_is_right",
    "writers": "fuzz.test_store_documents:test_whatever_a_derived_document_is_a_writer_and_a_repair_cope",
    "prometheus": "fuzz.test_prometheus:test_whatever_a_prometheus_answers_is_refused_or_a_snapshot",
    "velero": "fuzz.test_velero:test_an_object_of_any_shape_is_refused_or_counted",
    "velero's metadata": "fuzz.test_velero:test_metadata_of_any_shape_is_refused_or_believed",
    "tarballs": "fuzz.test_velero:test_bytes_that_are_changed_are_refused_or_harmless",
    "kubeconfigs": "fuzz.test_settings:test_a_kubeconfig_of_any_shape_is_read_or_wrong_use",
    "events": "fuzz.test_settings:test_an_event_of_any_shape_asks_for_passes_or_is_wrong_use",
    "backfill events": "fuzz.test_settings:test_an_event_for_a_backfill_is_its_command_or_wrong_use",
    "rollups": "fuzz.test_rollups:test_flipped_bits_are_told_or_change_nothing",
    "framing": "fuzz.test_framing:test_tags_and_lengths_of_any_kind_are_an_error_or_a_list",
    "lists": "unit.test_wire:test_damaged_protobuf_is_an_error_or_a_list",
    "objects": "unit.test_wire:test_random_bytes_are_an_error_or_a_pod",
    "watches": "unit.test_frames:test_damaged_frames_are_errors_or_events",
    "watches in JSON": "unit.test_frames:test_json_of_any_shape_is_an_error_or_an_event",
    "quantities": "fuzz.test_quantities:test_whatever_looks_like_a_quantity_is_read_as_its_grammar_says",
    "state": "unit.test_kept:test_a_head_of_any_shape_is_refused_or_gives_a_snapshot",
}
INPUT_BYTES = (64, 256, 1024, 8192)  # what an input is made of: a short one is a small dump, say


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
        return at_random(name, seconds)
    with atheris.instrument_imports(include=["nodetally"]):
        target = load(name)
    with tempfile.TemporaryDirectory() as folder:
        found = Path(folder)
        options = [f"-max_total_time={seconds}", f"-artifact_prefix={found}/", "-max_len=8192", "-print_final_stats=1"]
        atheris.Setup([sys.argv[0], *options, folder], target.hypothesis.fuzz_one_input)
        atheris.Fuzz()
    return None


def at_random(name: str, seconds: int) -> None:
    """As many random inputs as fit into the time."""
    end, seed, met = time.monotonic() + seconds, random.randrange(1 << 32), 0
    sys.stdout.write(f"seed {seed}\n")
    while time.monotonic() < end:
        met += try_inputs(name, 100, f"{seed}/{met}")
    sys.stdout.write(f"{met:,} inputs\n")


def try_inputs(name: str, count: int, seed: str) -> int:
    """Let a target meet so many random inputs, the same for the same seed; how many of them it could make use of."""
    meet, chance = load(name).hypothesis.fuzz_one_input, random.Random(f"{seed}/{name}")
    return sum(meet(chance.randbytes(chance.choice(INPUT_BYTES))) is not None for _ in range(count))


def load(name: str) -> Any:
    """The property of a target."""
    module, _, function = TARGETS[name].partition(":")
    return getattr(importlib.import_module(module), function)


if __name__ == "__main__":
    main()
