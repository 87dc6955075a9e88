"""What happened, on stderr: lines of text or of JSON, and the line that says what a pass came to."""

import logging
import sys

from nodetally.collect import Pass
from nodetally.errors import NodetallyError
from nodetally.settings import Settings

log = logging.getLogger("nodetally")


class _TextLines(logging.Formatter):
    """The message, on one line, whatever is in a name or in what a server said."""

    def format(self, record: logging.LogRecord) -> str:
        from nodetally.cli.rendering.text import harmless

        return harmless(record.getMessage())


class _JsonLines(logging.Formatter):
    """One JSON object a line: time, level, message."""

    def format(self, record: logging.LogRecord) -> str:
        import orjson

        time = self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z")
        message = record.getMessage().encode(errors="backslashreplace").decode()  # a path may hold half a character
        return orjson.dumps({"time": time, "level": record.levelname.lower(), "message": message}).decode()


def log_to_stderr(format_: str) -> None:
    """Lines of text, or of JSON, for what happens."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines() if format_ == "json" else _TextLines())
    log.handlers = [handler]
    log.setLevel(logging.INFO)
    log.propagate = False


def report(done: Pass, settings: Settings) -> None:
    """One line of what was done, then what a reader should know before trusting the numbers."""
    document, cost = done.outline, done.outline["cost"]
    counted = document["totals"]["pods"]["counted"]
    text = (
        f"{document['cluster']} {document['slot']}: {document['totals']['nodes']['count']} nodes, {counted} pods; "
        f"{cost['bytes_read'] / 1e6:.1f} MB in {cost['api_requests']} requests, {cost['seconds']:.2f} s, "
        f"{cost['max_rss_bytes'] / 2**20:.0f} MiB"
    )
    if done.published is None:
        log.info("%s; not stored", text)
    else:
        how = "stored as" if done.published.created else "the slot is stored already:"
        log.info("%s; %s %s/%s", text, how, settings.store.rstrip("/"), done.published.key)
    if document["source"]["reason"]:
        log.warning("the lists were read, not the cache: %s", document["source"]["reason"])
    if done.not_kept:
        log.warning("the next run will not find a warm cache: %s", done.not_kept)
    if document["usage"]["status"] not in ("ok", "off"):
        log.warning("usage is %s: %s", document["usage"]["status"], document["usage"]["reason"])
    if settings.selector and not document["totals"]["nodes"]["count"]:
        log.warning("no node matches %r", settings.selector)
    for unknown in document["unknown_nodes"]:
        bound = unknown["pods"]["counted"]
        if bound:  # pods that have ended hold nothing there
            said = "1 pod is" if bound == 1 else f"{bound} pods are"
            log.warning("%s bound to node %r, which is not listed", said, unknown["name"])


def report_failure(error: NodetallyError, *, whose: str) -> None:
    """As an error that ends the command is told; this one does not."""
    log.error("Error: %s%s", whose, error)
    if error.hint:
        log.error("Hint: %s", error.hint)
