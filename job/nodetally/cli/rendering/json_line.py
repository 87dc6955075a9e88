"""A document in, one line of JSON on stdout."""

import sys
from typing import Any


def print_json(document: Any) -> None:
    """As the program writes all its JSON: UTF-8, no spaces, a line's end."""
    import orjson

    sys.stdout.buffer.write(orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE))
