"""Faults between an S3 store and its server, through the client's own events; only with a real server behind it.

S3 in process would do what is refused here: it answers in the same events, and all of them are asked.
"""

import io
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectionClosedError

from nodetally.store.s3 import S3Store


class Wire:
    """Counts what a store sends, and refuses or loses chosen requests: a seam of the client itself (its events)."""

    def __init__(self, store: S3Store) -> None:
        self.sent: list[str] = []
        self.events = store.client.meta.events
        self.events.register("before-send.s3", self._count)

    def _count(self, event_name: str, **_: Any) -> None:
        self.sent.append(event_name.rpartition(".")[2])

    def refuse(
        self, operation: str, status: int, code: str, times: int = 1, under: str = "", said: str = "made up"
    ) -> None:
        """The server answers this, without doing anything, to so many requests whose URL contains `under`."""
        left = [None] * times

        def answer(request: Any, **_: Any) -> AWSResponse | None:
            if not left or under not in request.url:
                return None
            left.pop()
            body = f"<Error><Code>{code}</Code><Message>{said}</Message></Error>".encode()
            return AWSResponse(request.url, status, {}, _Raw(body))

        self.events.register_first(f"before-send.s3.{operation}", answer)

    def lose_answer(self, operation: str, store: S3Store) -> None:
        """The server does it, and the connection breaks before its answer arrives."""
        lost = [None]

        def act_and_break(request: Any, **_: Any) -> None:
            if lost:
                lost.pop()
                store.client._endpoint.http_session.send(request)
                raise ConnectionClosedError(endpoint_url=request.url)

        self.events.register_first(f"before-send.s3.{operation}", act_and_break)


class _Raw(io.BytesIO):
    """What botocore reads an answer's body from."""

    def stream(self, **_: Any) -> Any:
        yield self.read()
