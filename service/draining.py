"""gunicorn's threaded worker for a service whose replicas come and go under load."""

from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]


class DrainingWorker(ThreadWorker):  # type: ignore[misc]
    """Takes new connections until it ends.

    The port is open as long as a worker lives, so that callers go on connecting to one that was asked to end.
    gunicorn's own lets them wait in vain; this one answers, and closes each connection after its answer.
    """

    def set_accept_enabled(self, enabled: bool) -> None:
        """Called with False when the worker begins to end, or has as many connections as it may."""
        super().set_accept_enabled(enabled or not self.alive)
