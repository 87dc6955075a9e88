"""Where the tests' data is, and the program that they run."""

import sys
from pathlib import Path

DATA = Path(__file__).parent / "data"
VECTORS = DATA / "vectors"
WIRE = DATA / "wire"
ROOT = Path(__file__).parent.parent
PACKAGE = Path(__file__).parent.parent / "job" / "nodetally"
NODETALLY = str(Path(sys.executable).with_name("nodetally"))
