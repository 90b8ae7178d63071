"""What was answered goes into the store, behind the answers' backs."""

import logging
from collections import deque
from collections.abc import Callable
from threading import Lock

from service.background import Repeated
from service.telemetry import Telemetry
from store.port import Answer, Store, StoreUnavailable

_log = logging.getLogger(__name__)

_BATCH = 500


class Recorder:
    """Writes answers about every second, in batches; at most `bound` wait for a store that is away."""

    def __init__(
        self, store: Callable[[], Store], telemetry: Telemetry, bound: int, pause: float = 1.0
    ) -> None:
        self._store = store
        self._telemetry = telemetry
        self._bound = bound
        self._waiting: deque[Answer] = deque()
        self._batch: list[Answer] = []
        self._flushing = Lock()
        self._away = False
        self._thread = Repeated(self.flush, pause)

    def add(self, answer: Answer) -> None:
        """Take an answer to be written; dropped and counted where too many wait already."""
        if self._left >= self._bound:
            self._telemetry.answers_dropped.inc()
        else:
            self._waiting.append(answer)

    def flush(self) -> None:
        """Write all that waits, unless the store goes away meanwhile: then it goes on waiting."""
        with self._flushing:
            while self._next_batch() and self._written():
                self._batch = []
        self._telemetry.answers_waiting.set(self._left)

    def close(self, patience: float = 5.0) -> None:
        """Write what waits; what the store has not taken after `patience` seconds is dropped and counted."""
        self._thread.close(patience)
        if left := self._left:
            _log.error("%d answers could not be written before the end", left)
            self._telemetry.answers_dropped.inc(left)

    @property
    def _left(self) -> int:
        return len(self._waiting) + len(self._batch)

    def _next_batch(self) -> bool:
        if not self._batch:
            self._batch = [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]
        return bool(self._batch)

    def _written(self) -> bool:
        """Whether the batch is done with: written, or dropped since the store will never take it."""
        try:
            self._store().record_answers(self._batch)
        except StoreUnavailable as error:
            self._tell(str(error))
            return False
        except Exception:
            _log.exception("%d answers are dropped", len(self._batch))
            self._telemetry.answers_dropped.inc(len(self._batch))
        else:
            self._tell("")
        return True

    def _tell(self, trouble: str) -> None:
        """Log once when writing stops to work, once when it works again."""
        if bool(trouble) != self._away:
            self._away = bool(trouble)
            _log.warning("answers %s", f"wait: {trouble}" if trouble else "are written again")
