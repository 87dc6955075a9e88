"""Where the tests' data is."""

from pathlib import Path

DATA = Path(__file__).parent / "data"
VECTORS = DATA / "vectors"
WIRE = DATA / "wire"
ROOT = Path(__file__).parent.parent
PACKAGE = Path(__file__).parent.parent / "job" / "nodetally"
