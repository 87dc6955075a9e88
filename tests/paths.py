"""Where the tests' data is."""

from pathlib import Path

DATA = Path(__file__).parent / "data"
VECTORS = DATA / "vectors"
WIRE = DATA / "wire"
PACKAGE = Path(__file__).parent.parent / "job" / "nodetally"
