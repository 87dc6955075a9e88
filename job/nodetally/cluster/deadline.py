"""One end for a whole pass, whatever it waits for."""

import socket
import threading
import time

from nodetally.errors import ClusterError


class Deadline:
    """One end for a whole pass: past it every socket is shut, whatever it waits for."""

    def __init__(self, seconds: float, what: str = "the pass") -> None:
        self.end = time.monotonic() + seconds
        self.message = f"{what} took longer than {seconds:g} s"
        self._open: set[socket.socket] = set()
        self._ended = threading.Event()
        self._timer = threading.Timer(seconds, self._shut)
        self._timer.daemon = True
        self._timer.start()

    @property
    def passed(self) -> bool:
        return self._ended.is_set() or time.monotonic() >= self.end

    def left(self) -> float:
        return max(0.0, self.end - time.monotonic())

    def sleep(self, seconds: float) -> None:
        """Wait; shorter if it ends now."""
        self._ended.wait(seconds)

    def watch(self, sock: socket.socket) -> None:
        self._open.add(sock)
        if self.passed:  # it was opened too late to be among those that were shut
            self._shut()

    def forget(self, sock: socket.socket) -> None:
        self._open.discard(sock)

    def cancel(self) -> None:
        self._timer.cancel()

    def error(self) -> ClusterError:
        return ClusterError(self.message, hint="give it more time with --timeout, or look at the API server's load")

    def end_now(self) -> None:
        """Let nothing wait any more: what is being read ends in an error."""
        self.end = time.monotonic()
        self.cancel()
        self._shut()

    def _shut(self) -> None:
        self._ended.set()
        for sock in list(self._open):
            try:
                socket.socket.shutdown(sock, socket.SHUT_RDWR)  # not SSLSocket's, which drops state that a reader holds
            except OSError:
                continue  # it is closed already, which is all we want
