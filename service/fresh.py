"""What users saw until now, asked of the store while they wait."""

import logging
from collections.abc import Callable, Sequence, Set
from time import monotonic

from service.telemetry import Telemetry
from store.port import Seen, Store, StoreError

_log = logging.getLogger(__name__)

_TOLERANCE = 3
LIMIT = 0.1
"""Seconds that a caller waits for the store."""


class Breaker:
    """Admits everything until `tolerance` failures in a row, then one attempt every `pause` seconds until one
    succeeds."""

    def __init__(self, tolerance: int, pause: float) -> None:
        self._tolerance = tolerance
        self._pause = pause
        self._failures = 0
        self._next_attempt = 0.0

    @property
    def closed(self) -> bool:
        """Whether everything is admitted."""
        return self._failures < self._tolerance

    def admits(self) -> bool:
        """Whether to try now; the caller notes how it went."""
        if self.closed:
            return True
        if (now := monotonic()) < self._next_attempt:
            return False
        self._next_attempt = now + self._pause
        return True

    def note(self, success: bool) -> None:
        """Take in how an attempt went."""
        self._failures = 0 if success else self._failures + 1
        self._next_attempt = monotonic() + self._pause


class Histories:
    """Users' histories, as long as the store tells them within `limit` seconds.

    After three look-ups in a row that fail or take longer, histories are empty at once but for one attempt
    every `pause` seconds. The store itself ends a look-up that takes too long.
    """

    def __init__(
        self, store: Callable[[], Store], telemetry: Telemetry, limit: float = LIMIT, pause: float = 3.0
    ) -> None:
        self._store = store
        self._telemetry = telemetry
        self._limit = limit
        self._breaker = Breaker(_TOLERANCE, pause)

    def of(self, user: int, besides: Set[str] = frozenset()) -> Sequence[Seen]:
        """What the user watched or rated besides the movies given; empty where the store does not tell."""
        seen = self._attempted(user, besides) if self._breaker.admits() else None
        if seen is None:
            self._telemetry.histories_skipped.inc()
            return ()
        return seen

    def _attempted(self, user: int, besides: Set[str]) -> Sequence[Seen] | None:
        start = monotonic()
        seen = self._looked_up(user, besides)
        self._note(seen is not None and monotonic() - start <= self._limit)
        return seen

    def _note(self, in_time: bool) -> None:
        before = self._breaker.closed
        self._breaker.note(in_time)
        if self._breaker.closed != before:
            _log.warning(
                "users' histories are %s", "skipped: the store is away or slow" if before else "read"
            )

    def _looked_up(self, user: int, besides: Set[str]) -> Sequence[Seen] | None:
        try:
            return self._store().history(user, besides)
        except StoreError:
            return None
        except Exception:
            _log.exception("reading the history of user %d", user)
            return None
