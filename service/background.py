"""A job that is done again and again beside the requests."""

import logging
from collections.abc import Callable
from threading import Event, Thread

_log = logging.getLogger(__name__)


class Repeated:
    """Does `job` every `seconds` in a thread of its own, and a last time when it is closed."""

    def __init__(self, job: Callable[[], object], seconds: float) -> None:
        self._job = job
        self._seconds = seconds
        self._ending = Event()
        self._thread = Thread(target=self._run, name=job.__qualname__, daemon=True)
        self._thread.start()

    def close(self, patience: float) -> None:
        """Return when the last job is done, or after `patience` seconds."""
        self._ending.set()
        self._thread.join(patience)

    def _run(self) -> None:
        while not self._ending.wait(self._seconds):
            self._attempt()
        self._attempt()

    def _attempt(self) -> None:
        try:
            self._job()
        except Exception:
            _log.exception("%s failed and is tried again", self._thread.name)
