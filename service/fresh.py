"""What users saw until now, asked of the store while they wait, never for long."""

import logging
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic

from service.telemetry import Telemetry
from store.port import Seen, Store, StoreError

_log = logging.getLogger(__name__)

_THREADS = 2
_Reply = SimpleQueue[Sequence[Seen] | None]


class Breaker:
    """Admits everything until a failure, then one attempt every `pause` seconds until one succeeds."""

    def __init__(self, pause: float) -> None:
        self._pause = pause
        self._next_attempt: float | None = None

    def admits(self) -> bool:
        """Whether to try now; the caller notes how it went."""
        if self._next_attempt is None:
            return True
        if (now := monotonic()) < self._next_attempt:
            return False
        self._next_attempt = now + self._pause
        return True

    def note(self, success: bool) -> bool:
        """Take in how an attempt went; whether that is news."""
        news = success != (self._next_attempt is None)
        self._next_attempt = None if success else monotonic() + self._pause
        return news


class Histories:
    """Users' histories by look-ups of at most `limit` seconds each.

    After one that fails or takes longer, histories are empty at once but for one attempt every
    `pause` seconds. Look-ups run in threads of their own: a store that hangs holds none of those that answer.
    """

    def __init__(
        self, store: Callable[[], Store], telemetry: Telemetry, limit: float = 0.1, pause: float = 3.0
    ) -> None:
        self._store = store
        self._telemetry = telemetry
        self._limit = limit
        self._breaker = Breaker(pause)
        self._questions: SimpleQueue[tuple[int, _Reply] | None] = SimpleQueue()
        for _ in range(_THREADS):
            Thread(target=self._reply, name="Histories", daemon=True).start()

    def of(self, user: int) -> Sequence[Seen]:
        """Every movie that the user watched or rated; empty where the store does not tell in time."""
        seen = self._attempted(user) if self._breaker.admits() else None
        if seen is None:
            self._telemetry.histories_skipped.inc()
            return ()
        return seen

    def close(self) -> None:
        """End the threads; one whose look-up hangs is left behind."""
        for _ in range(_THREADS):
            self._questions.put(None)

    def _attempted(self, user: int) -> Sequence[Seen] | None:
        seen = self._within_limit(user)
        if self._breaker.note(seen is not None):
            _log.warning("users' histories %s", "are read" if seen is not None else "are not read in time")
        return seen

    def _within_limit(self, user: int) -> Sequence[Seen] | None:
        reply: _Reply = SimpleQueue()
        self._questions.put((user, reply))
        try:
            return reply.get(timeout=self._limit)
        except Empty:
            return None

    def _reply(self) -> None:
        while question := self._questions.get():
            user, reply = question
            reply.put(self._looked_up(user))

    def _looked_up(self, user: int) -> Sequence[Seen] | None:
        try:
            return self._store().history(user)
        except StoreError:
            return None
        except Exception:
            _log.exception("reading the history of user %d", user)
            return None
