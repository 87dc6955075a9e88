"""The built page as it lies in the package: its files, by the keys they have in a store. Reads nothing else.

`make page` builds it from dashboard/ with Node; the result is committed, so that an install needs no Node.
"""

import html
import re
from pathlib import Path
from typing import NamedTuple

from nodetally.errors import WrongUse
from nodetally.store.base import Headers
from nodetally.store.layout import PAGE_HEADERS, PAGE_KEY, asset_headers, asset_key

FOLDER = Path(__file__).parent / "page"
MARK = b"<title>nodetally</title>"  # tells our index.html from anybody else's
_NAMED = re.compile(rb'(?:src|href)="(?:\./)?(assets/[^"]+)"')
_POLICY = re.compile(r'http-equiv="Content-Security-Policy"\s+content="([^"]+)"')


class File(NamedTuple):
    """One file of the page."""

    body: bytes
    headers: Headers


class Page(NamedTuple):
    """The page: index.html, and the assets that it names."""

    front: File
    assets: dict[str, File]  # by key, sorted

    @property
    def content_security_policy(self) -> str:
        """What the page says of itself in its meta element."""
        found = _POLICY.search(self.front.body.decode())
        if not found:
            raise WrongUse(f"{PAGE_KEY} of the page has no Content-Security-Policy", hint="build it with: make page")
        return html.unescape(found[1])


def built_page(folder: Path = FOLDER) -> Page:
    """The page, read whole (under a megabyte). WrongUse when it was not built, or built in half."""
    hint = "in a clone, build it with `make page` (needs Node 20 or newer); else install nodetally again"
    try:
        index = (folder / PAGE_KEY).read_bytes()
        paths = sorted((folder / "assets").iterdir())
        bodies = {asset_key(path.name): path.read_bytes() for path in paths}
    except OSError as error:
        raise WrongUse(f"the page is not built: cannot read {error.filename}: {error.strerror}", hint=hint) from error
    named = [found.decode() for found in _NAMED.findall(index)]
    missing = [key for key in named if key not in bodies]
    if missing or not named or MARK not in index:
        raise WrongUse(f"the page in {folder} is not whole; missing: {', '.join(missing) or 'its script'}", hint=hint)
    return Page(File(index, PAGE_HEADERS), {key: File(body, asset_headers(key)) for key, body in bodies.items()})
