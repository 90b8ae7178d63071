"""Columns that grow, and whose changes can be undone."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ml.running.numbering import Array, Numbering, grown

NEVER = np.iinfo(np.int64).max
_GROWTH = 1.5


class Journal:
    """What columns held before they were changed tentatively."""

    def __init__(self) -> None:
        self._entries: list[tuple[Column, Array, Array]] = []
        self._open = False

    @contextmanager
    def tentative(self) -> Iterator[None]:
        """Note the changes made meanwhile."""
        self._open = True
        try:
            yield
        finally:
            self._open = False

    def note(self, column: "Column", places: Array) -> None:
        """Called before values are changed."""
        if self._open:
            self._entries.append((column, places, column[places]))

    def undo(self) -> None:
        """Take back every tentative change."""
        while self._entries:
            column, places, before = self._entries.pop()
            column.values[places] = before


class Column:
    """Values by number; `fill` where none was ever set."""

    def __init__(self, journal: Journal, fill: Any, dtype: Any, *width: int) -> None:
        self._journal = journal
        self._fill = fill
        self.values = np.full((1024, *width), fill, dtype)

    def fit(self, length: int) -> None:
        """Make room for so many values."""
        if length > len(self.values):
            self.values = grown(self.values, max(length, int(_GROWTH * len(self.values))), self._fill)

    def __getitem__(self, places: Array) -> Array:
        values: Array = self.values[places]
        return values

    def put(self, places: Array, values: Any) -> None:
        """Set values at places."""
        self._journal.note(self, places)
        self.values[places] = values

    def lower(self, places: Array, values: Array) -> None:
        """Set the smaller of the present and the given values; places may repeat."""
        self._journal.note(self, places)
        np.minimum.at(self.values, places, values)

    def lift(self, places: Array, values: Array) -> None:
        """Set the larger of the present and the given values; places may repeat."""
        self._journal.note(self, places)
        np.maximum.at(self.values, places, values)


class FirstTimes:
    """The earliest time told of each key; NEVER for the others."""

    def __init__(self, journal: Journal) -> None:
        self._numbers = Numbering()
        self._times = Column(journal, NEVER, np.int64)

    def of(self, keys: Array) -> Array:
        """The earliest time of each key."""
        places = self._numbers.find(keys)
        return np.where(places >= 0, self._times[places], NEVER)

    def places(self, keys: Array) -> Array:
        """Numbers of keys, for `news` and `tell`."""
        places = self._numbers.add(keys)
        self._times.fit(len(self._numbers))
        return places

    def news(self, places: Array, times: Array) -> Array:
        """Which of these times are earlier than what was told."""
        return np.asarray(times < self._times[places])

    def tell(self, places: Array, times: Array) -> None:
        """Keep these times where they are earlier."""
        self._times.lower(places, times)
