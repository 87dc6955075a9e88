"""Small pages, built as Vite builds them: one script whose name says what is in it."""

from nodetally.dashboard.built import File, Page
from nodetally.store.layout import PAGE_HEADERS, asset_headers

POLICY = "default-src 'none'; script-src 'self'"


def page(word: str) -> Page:
    key = f"assets/index-{word}.js"
    front = (
        f'<!doctype html><meta http-equiv="Content-Security-Policy" content="{POLICY}" />'
        f'<title>nodetally</title><script type="module" src="./{key}"></script>'
    )
    return Page(File(front.encode(), PAGE_HEADERS), {key: File(f"// {word}".encode(), asset_headers(key))})
