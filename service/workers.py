"""gunicorn's threaded worker for a service whose replicas come and go under load, and one without threads."""

import socket
from concurrent.futures import Future
from typing import Any

from gunicorn.workers.gthread import _DEFER, ThreadWorker  # type: ignore[import-untyped]


class Connection(socket.socket):
    """A caller's connection on which a response goes out in one piece, when it is flushed.

    gunicorn sends the head alone first: the caller would have an answer without movies where the machine
    stands still in between. Where it waits for the caller, it waits at most `patience` seconds.
    """

    patience: float | None = None
    _kept = b""

    def setblocking(self, flag: bool) -> None:
        """Whether to wait for the caller."""
        self.settimeout(self.patience if flag else 0)

    def sendall(self, data: Any, _: int = 0) -> None:
        """Keep what is to be sent."""
        self._kept += data

    def flush(self) -> None:
        """Send what is kept."""
        kept, self._kept = self._kept, b""
        if kept:
            super().sendall(kept)


class DrainingWorker(ThreadWorker):  # type: ignore[misc]
    """Takes new connections until it ends.

    The port is open as long as a worker lives, so that callers go on connecting to one that was asked to end.
    gunicorn's own lets them wait in vain; this one answers, and closes each connection after its answer.
    """

    patience: float | None = None

    def set_accept_enabled(self, enabled: bool) -> None:
        """Called with False when the worker begins to end, or has as many connections as it may."""
        super().set_accept_enabled(enabled or not self.alive)

    def enqueue_req(self, conn: Any) -> None:
        """Called with a new connection, and with each one on which more has come."""
        if not isinstance(conn.sock, Connection):
            conn.sock = self._own(conn.sock)
        self.begin(conn)

    def begin(self, conn: Any) -> None:
        """Have a request answered."""
        super().enqueue_req(conn)

    def _own(self, plain: socket.socket) -> Connection:
        family, kind, proto = plain.family, plain.type, plain.proto
        own = Connection(family, kind, proto, fileno=plain.detach())
        own.patience = self.patience
        return own

    def handle(self, conn: Any) -> Any:
        """Answer a request; whether the connection is kept."""
        try:
            return super().handle(conn)
        finally:
            conn.sock.flush()


class LoopWorker(DrainingWorker):
    """Answers in the loop that watches the connections, one request at a time.

    Python's threads take turns, and what a turn costs is a third of an answer from SQLite. A store that takes
    long to answer holds up everybody here, and so does a caller who sends half a request, for `patience`.
    """

    patience = 0.25

    def begin(self, conn: Any) -> None:
        """Answer at once, or watch the connection where nothing has come yet."""
        outcome: Future[Any] = Future()
        try:
            outcome.set_result(self.handle(conn) if self._has_come(conn) else _DEFER)
        except Exception as error:  # the connection's own: it is closed
            outcome.set_exception(error)
        self.finish_request(conn, outcome)

    def _has_come(self, conn: Any) -> bool:
        return bool(conn.initialized or conn.data_ready or conn.wait_for_data(0))
