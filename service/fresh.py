"""What users saw until now, asked of the store while they wait."""

import logging
from collections.abc import Callable, Sequence
from time import monotonic

from service.telemetry import Telemetry
from store.port import Seen, Store, StoreError

_log = logging.getLogger(__name__)


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
    """Users' histories, as long as the store tells them within `limit` seconds.

    After a look-up that fails or takes longer, histories are empty at once but for one attempt every `pause`
    seconds. The store itself ends a look-up that takes too long.
    """

    def __init__(
        self, store: Callable[[], Store], telemetry: Telemetry, limit: float = 0.1, pause: float = 3.0
    ) -> None:
        self._store = store
        self._telemetry = telemetry
        self._limit = limit
        self._breaker = Breaker(pause)

    def of(self, user: int) -> Sequence[Seen]:
        """Every movie that the user watched or rated; empty where the store does not tell."""
        seen = self._attempted(user) if self._breaker.admits() else None
        if seen is None:
            self._telemetry.histories_skipped.inc()
            return ()
        return seen

    def _attempted(self, user: int) -> Sequence[Seen] | None:
        start = monotonic()
        seen = self._looked_up(user)
        in_time = seen is not None and monotonic() - start <= self._limit
        if self._breaker.note(in_time):
            _log.warning(
                "users' histories are %s", "read" if in_time else "skipped: the store is away or slow"
            )
        return seen

    def _looked_up(self, user: int) -> Sequence[Seen] | None:
        try:
            return self._store().history(user)
        except StoreError:
            return None
        except Exception:
            _log.exception("reading the history of user %d", user)
            return None
