"""Where the tests' data is, and the program that they run."""

import sys
from pathlib import Path

TESTS = Path(__file__).parent.parent
DATA = TESTS / "data"
VECTORS = DATA / "vectors"
WIRE = DATA / "wire"
ROOT = TESTS.parent
PACKAGE = ROOT / "job" / "nodetally"
NODETALLY = str(Path(sys.executable).with_name("nodetally"))
