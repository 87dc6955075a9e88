"""Between a reader and the simulator: passes bytes on, and does damage at an exact byte of an answer, framing and all.

The simulator's own faults count bytes of bodies; here the status line, the headers and the chunks' framing are bytes
like any others.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from nodetally.simulate.kubeconfig import kubeconfig, write_private

GARBAGE = b"\xff" * 16


class Damage(NamedTuple):
    """What is done to every answer to requests whose target begins with `prefix`."""

    prefix: str
    how: str  # cut: the connection is closed; stall: nothing more is sent; garbage: 16 bytes are overwritten
    at: int  # which byte of the answer; 0 is the first of its status line


@dataclass
class Interposed:
    """A running relay; `damage` may change between requests."""

    url: str
    target: tuple[str, int]
    damage: Damage | None = None
    done: threading.Event = field(default_factory=threading.Event)
    open: set[socket.socket] = field(default_factory=set)

    def write_kubeconfig(self, path: Path) -> Path:
        return write_private(path, kubeconfig(self.url, None, None))


@contextmanager
def interposed(url: str) -> Iterator[Interposed]:
    """Relay to the server at `url` for as long as the block lasts."""
    parts = urlsplit(url)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        relay = Interposed(f"http://127.0.0.1:{listener.getsockname()[1]}", (str(parts.hostname), parts.port or 80))
        threads: list[threading.Thread] = []

        def accept() -> None:
            while True:
                connection, _ = listener.accept()
                if relay.done.is_set():
                    return connection.close()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else 40 ms for each small part
                relay.open.add(connection)
                threads.append(threading.Thread(target=_serve, args=(relay, connection)))
                threads[-1].start()

        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield relay
        finally:
            relay.done.set()
            socket.create_connection(listener.getsockname()).close()  # wakes accept
            accepting.join()
            for each in list(relay.open):
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join()


def _serve(relay: Interposed, connection: socket.socket) -> None:
    """One connection of a reader: its requests one after the other, each on a connection of its own to the server."""
    with connection, suppress(OSError):
        while head := _head(connection):
            target = head.split(b" ", 2)[1].decode()
            damage = relay.damage if relay.damage and target.startswith(relay.damage.prefix) else None
            with socket.create_connection(relay.target) as upstream:
                relay.open.add(upstream)
                upstream.sendall(head.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
                whole = _pass_on(upstream, connection, damage)
                relay.open.discard(upstream)
            if not whole:
                if damage and damage.how == "stall":
                    connection.recv(1)  # until the reader leaves: it has nothing to say in the middle of an answer
                break
    relay.open.discard(connection)


def _pass_on(upstream: socket.socket, connection: socket.socket, damage: Damage | None) -> bool:
    """One answer; False if it was not sent whole."""
    sent = 0
    while part := upstream.recv(1 << 16):
        if damage and damage.how == "garbage":
            first, last = (min(max(at - sent, 0), len(part)) for at in (damage.at, damage.at + len(GARBAGE)))
            part = part[:first] + GARBAGE[: last - first] + part[last:]
        elif damage and sent + len(part) > damage.at:
            connection.sendall(part[: damage.at - sent])
            return False
        connection.sendall(part)
        sent += len(part)
    return True


def _head(connection: socket.socket) -> bytes:
    received = b""
    while not received.endswith(b"\r\n\r\n"):
        part = connection.recv(65536)
        if not part:
            return b""
        received += part
    return received
