"""One retrain at a time: a lease in the store, prolonged while its holder lives."""

import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from movielog.events import SECOND
from store.port import Store, StoreError

logger = logging.getLogger("retrain")

NAME = "retrain"
SECONDS = 30.0


class LeaseLostError(Exception):
    """Another process may be at work by now."""


class Lease:
    """The lease of this process, in the store that `open_store` opens, for `SECONDS` at a time."""

    def __init__(self, open_store: Callable[[], Store]) -> None:
        self._open_store = open_store
        self._holder = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._ended = threading.Event()

    @contextmanager
    def held(self, store: Store) -> Iterator[bool]:
        """Hold the lease, where nobody else has it; given back at the end."""
        if not self._take(store):
            yield False
            return
        self._ended.clear()
        prolonging = threading.Thread(target=self._prolong, daemon=True)
        prolonging.start()
        try:
            yield True
        finally:
            self._ended.set()
            prolonging.join()
            store.end_lease(NAME, self._holder)

    def make_sure(self, store: Store) -> None:
        """LeaseLostError where the lease has passed to another process."""
        if not self._take(store):
            raise LeaseLostError("another process has begun a retrain: this one was away for too long")

    def _take(self, store: Store) -> bool:
        now = time.time_ns()
        return store.lease(NAME, self._holder, now, now + int(SECONDS * SECOND))

    def _prolong(self) -> None:
        with closing(self._open_store()) as store:
            while not self._ended.wait(SECONDS / 4):
                try:
                    self._take(store)
                except StoreError as error:
                    logger.warning("the lease could not be prolonged: %s", error)
