"""What a store holds since a start, read window by window, and then only what is new."""

import time
from collections.abc import Callable, Iterator

from ml.running.asked import LATE
from ml.running.metrics import Running
from movielog.events import DAY, SECOND
from store.port import Store, Window

Told = Callable[[float], None]
"""Is told the share of a reading that is done."""

_SHORTEST, _LONGEST = 60 * SECOND, DAY
_FEW, _MANY = 60_000, 300_000


def newest(store: Store) -> int:
    """The end of what can be read now: just after the newest event that is not in the future, in ns."""
    return min((store.newest() or 0) + 1, time.time_ns())


class Feeder:
    """Tells a `Running` what the store holds, from its `since` on.

    Each reading begins `LATE` before the end of the last one: events that are written so late count, and so
    do viewings whose first minute is. Requests are read in slices of about 150,000, so that memory
    does not depend on how much there is to read.
    """

    def __init__(self, store: Store, running: Running) -> None:
        self._store = store
        self.running = running
        self.until = running.since
        self._slice = 3600 * SECOND

    def advance(self, until: int, told: Told = lambda _: None) -> Running:
        """Read everything before `until`, which must not be earlier than at the last call."""
        start = max(self.running.since, self.until - LATE)
        for day in _days(Window(self.until - LATE, until)):
            self.running.update(watches=self._store.watches(day), ratings=self._store.ratings(day))
        for part in self._slices(Window(start, until)):
            asked, arms = self._store.lists(part), self._store.arms(part)
            if len(asked.requests) or len(arms) or part.end == until:
                self.running.update(asked, arms, more=part.end < until)
            told((part.end - start) / (until - start))
            self._fit_slice(len(asked.requests))
        self.until = max(self.until, until)
        return self.running

    def _slices(self, window: Window) -> Iterator[Window]:
        start = window.start
        while start < window.end:
            end = min(start + self._slice, window.end)
            yield Window(start, end)
            start = end

    def _fit_slice(self, asked: int) -> None:
        if asked > _MANY:
            self._slice = max(_SHORTEST, self._slice // 2)
        elif asked < _FEW:
            self._slice = min(_LONGEST, self._slice * 2)


def _days(window: Window) -> Iterator[Window]:
    """The window's part of each UTC day."""
    start = window.start
    while start < window.end:
        end = min(window.end, start - start % DAY + DAY)
        yield Window(start, end)
        start = end
