"""What is new in the store, told to all who count it."""

from collections.abc import Iterator, Sequence

import pandas as pd
import pyarrow as pa

from ml.running.asked import LATE, REACH, Asked
from monitor.quality.windows.lately import Lately
from monitor.quality.windows.sliding import Sliding
from movielog.events import SECOND
from store.port import Lists, Store, Window

_SLICE = 3600 * SECOND


class Feed:
    """Reads the store from where it was read to, and a little before: events may be written `LATE`.

    The first reading goes as far back as the longest window does.
    """

    def __init__(self, store: Store, windows: Sequence[Sliding], lately: Lately) -> None:
        self._store = store
        self._windows = windows
        self._lately = lately
        self._reach = max(window.length for window in windows) + 2 * REACH
        self._until = 0
        self._asked = Asked(0)

    def advance(self, until: int) -> None:
        """Take in everything before `until`; StoreError where it cannot be read, until the next call."""
        if until - self._until > self._reach:
            self._until = until - self._reach
            self._asked = Asked(self._until)
        for window in _slices(Window(self._until - LATE, until)):
            self._tell(window)
            self._until = window.end

    def _tell(self, window: Window) -> None:
        requests, answers = _named(self._store.lists(window)), self._store.answers(window)
        watches, ratings = self._store.watches(window), self._store.ratings(window)
        listed = self._asked.tell(requests, answers)
        for sliding in self._windows:
            sliding.update(window.end, listed.settled, listed.open, watches, ratings)
        self._lately.update(window.end, answers)


def _named(told: Lists) -> pd.DataFrame:
    """The requests with tuples of movies' ids: the store's numbers may be others the next time."""
    lists = pa.array(told.requests["movies"]).to_pylist()
    movies = [tuple([told.names[number] for number in listed]) for listed in lists]
    return told.requests.assign(movies=pd.Series(movies, told.requests.index, object))


def _slices(window: Window) -> Iterator[Window]:
    start = window.start
    while start < window.end:
        end = min(window.end, start + _SLICE)
        yield Window(start, end)
        start = end
