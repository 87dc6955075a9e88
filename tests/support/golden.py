"""Golden outputs: a text as it should be, kept in tests/data/golden.

`NODETALLY_WRITE_GOLDEN=1 pytest …` writes them anew; look at the difference before you keep it.
"""

import os

from paths import DATA

FOLDER = DATA / "golden"


def check(name: str, text: str) -> None:
    """Compare with the kept text, byte for byte."""
    path = FOLDER / name
    if os.environ.get("NODETALLY_WRITE_GOLDEN"):
        FOLDER.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
    assert text == path.read_bytes().decode("utf-8"), f"not as in {path.relative_to(FOLDER.parent.parent)}"
