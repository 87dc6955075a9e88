"""An HTTP server that answers exactly what a test wrote down, byte for byte, and can stop anywhere."""

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Scripted:
    """A running server: where it is, and every request head that it has seen."""

    url: str
    requests: list[str] = field(default_factory=list)


@contextmanager
def scripted(answers: Sequence[bytes | None], *, hold: bool = False) -> Iterator[Scripted]:
    """Answer the first request with the first answer, and so on; None closes the connection without an answer.

    Each answer is sent as it is. A connection stays open between answers that end as HTTP says; after an answer that
    does not (or with `hold`, which keeps it open and silent) the connection is closed.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    server = Scripted(f"http://127.0.0.1:{listener.getsockname()[1]}")
    done = threading.Event()
    thread = threading.Thread(target=_serve, args=(listener, server, list(answers), hold, done))
    thread.start()
    try:
        yield server
    finally:
        done.set()
        socket.create_connection(listener.getsockname()).close()  # wakes accept
        thread.join()
        listener.close()


def _serve(
    listener: socket.socket, server: Scripted, answers: list[bytes | None], hold: bool, done: threading.Event
) -> None:
    while not done.is_set():
        connection, _ = listener.accept()
        with connection:
            while answers and not done.is_set():
                head = _head(connection)
                if not head:
                    break
                server.requests.append(head)
                answer = answers.pop(0)
                if answer is None:
                    break
                connection.sendall(answer)
                if hold and not answers:
                    done.wait()
                if hold or b"Connection: close" in answer or not _complete(answer):
                    break


def _head(connection: socket.socket) -> str:
    received = b""
    while not received.endswith(b"\r\n\r\n"):
        try:
            part = connection.recv(65536)
        except ConnectionError:
            return ""
        if not part:
            return ""
        received += part
    return received.decode()


def _complete(answer: bytes) -> bool:
    head, _, body = answer.partition(b"\r\n\r\n")
    if b"chunked" in head:
        return body.endswith(b"0\r\n\r\n")
    length = next((line.split(b":")[1] for line in head.split(b"\r\n") if line.startswith(b"Content-Length")), b"-1")
    return int(length) == len(body)


def answer(
    body: bytes = b"",
    status: str = "200 OK",
    content_type: str = "application/vnd.kubernetes.protobuf",
    *headers: str,
    chunk: int | None = None,
) -> bytes:
    """A whole HTTP answer, with a length or in chunks of `chunk` bytes."""
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {content_type}", *headers]
    if chunk is None:
        return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body
    pieces = [body[at : at + chunk] for at in range(0, len(body), chunk)]
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    return "\r\n".join([*lines, "Transfer-Encoding: chunked", "", ""]).encode() + chunks + b"0\r\n\r\n"
