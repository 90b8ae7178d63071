"""gunicorn's threaded worker for a service whose replicas come and go under load."""

from concurrent.futures import Future

from gunicorn.workers.gthread import _DEFER, TConn, ThreadWorker  # type: ignore[import-untyped]


class DrainingWorker(ThreadWorker):  # type: ignore[misc]
    """Takes new connections until it ends.

    The port is open as long as a worker lives, so that callers go on connecting to one that was asked to end.
    gunicorn's own lets them wait in vain; this one answers, and closes each connection after its answer.
    """

    def set_accept_enabled(self, enabled: bool) -> None:
        """Called with False when the worker begins to end, or has as many connections as it may."""
        super().set_accept_enabled(enabled or not self.alive)


class LoopWorker(DrainingWorker):
    """Answers in the loop that watches the connections: one request at a time, none of which changes threads.

    For a balancer in front, which sends whole requests: a caller that sends half a one holds up the others.
    """

    def enqueue_req(self, conn: TConn) -> None:
        """Called where a connection is new, and where it has become readable."""
        done: Future[object] = Future()
        readable = conn.initialized or conn.data_ready
        done.set_result(self.handle(conn) if readable else _DEFER)
        self.finish_request(conn, done)
