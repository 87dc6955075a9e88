"""A 200 of the API server, read as it comes: a body's end counts only when its length or its last chunk says so."""

import http.client
from dataclasses import dataclass

from nodetally.cluster.deadline import Deadline
from nodetally.cluster.observation import Cost
from nodetally.cluster.wire import BUFFER_BYTES, ReadInto
from nodetally.errors import ClusterError


@dataclass(frozen=True)
class Answer:
    """A 200: its content type and its body. Read to the end, or the connection is closed."""

    content_type: str
    read_into: ReadInto

    def read_all(self) -> bytes:
        """The whole body, for answers known to be small."""
        body, view = bytearray(), memoryview(bytearray(BUFFER_BYTES))
        while received := self.read_into(view):
            body += view[:received]
        return bytes(body)


class Body:
    """A response's body, read as it comes; its end counts only when it is verified."""

    def __init__(self, response: http.client.HTTPResponse, what: str, cost: Cost, deadline: Deadline) -> None:
        self._response = response
        self._what = what
        self._cost = cost
        self._deadline = deadline
        self._taken = 0

    def read_into(self, view: memoryview) -> int:
        """A `wire.ReadInto`: 0 only after the last chunk, or after as many bytes as were announced."""
        return self._read(self._response.readinto, view)

    def read_some_into(self, view: memoryview) -> int:
        """The same, without waiting for more than there is: readinto would wait until the view is full."""

        def read(view: memoryview) -> int:
            some = self._response.read1(len(view))
            view[: len(some)] = some
            return len(some)

        return self._read(read, view)

    def _read(self, read: ReadInto, view: memoryview) -> int:
        response = self._response
        try:
            received = read(view)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise self._cut(str(error) or type(error).__name__) from error
        if not received and response.length:
            raise self._cut(f"{response.length} bytes are missing")
        self._taken += received
        self._cost.bytes_read += received
        return received

    def _cut(self, why: str) -> ClusterError:
        if self._deadline.passed:
            return self._deadline.error()
        return ClusterError(
            f"{self._what}: the body is cut off after {self._taken} bytes: {why}",
            hint="nothing was published; look for a proxy that ends long answers, or try --page-size",
        )
