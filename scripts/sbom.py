"""What is installed beside this Python → a bill of materials on stdout: CycloneDX 1.6, one component per package.

Read off the installed packages, not the lock, so that it cannot name what is not there. The Python and the system
below are the base image's, and its own bill names them.
"""

import json
import re
import sys
from importlib.metadata import Distribution, PackageMetadata, distributions

PROGRAM = "nodetally"
SPDX = re.compile(r"[A-Za-z0-9.+() -]{1,80}")  # older packages put the whole licence there


def component(package: Distribution) -> dict[str, object]:
    """One package: its name, version, address at the registry, and licence where it says one."""
    name = re.sub(r"[-_.]+", "-", package.metadata["Name"]).lower()
    reference = f"pkg:pypi/{name}@{package.version}"
    kind = "application" if name == PROGRAM else "library"
    found = {"type": kind, "bom-ref": reference, "name": name, "version": package.version, "purl": reference}
    return found | licence(package.metadata)


def licence(metadata: PackageMetadata) -> dict[str, object]:
    """What the package says of its licence, as an SPDX expression or by name; nothing where it says nothing."""
    told = metadata.json
    if expression := told.get("license_expression"):
        return {"licenses": [{"expression": expression}]}
    said = str(told.get("license", "")).strip()
    return {"licenses": [{"license": {"name": said}}]} if SPDX.fullmatch(said) else {}


def bill() -> dict[str, object]:
    """The whole document; the same for the same packages, so that images can be compared."""
    found = sorted((component(each) for each in distributions()), key=lambda each: str(each["bom-ref"]))
    program = next(each for each in found if each["name"] == PROGRAM)
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": program},
        "components": [each for each in found if each is not program],
    }


if __name__ == "__main__":
    json.dump(bill(), sys.stdout, indent=1)
    sys.stdout.write("\n")
