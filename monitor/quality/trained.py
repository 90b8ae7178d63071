"""What the models in service were trained on."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd

from movielog.events import DAY
from store.port import ModelRef, Retrain, Store, Window

_DATE = re.compile(r"_(\d{4}-\d{2}-\d{2})$")


@dataclass(frozen=True)
class Trained:
    """A training window: its viewings by movie, its ratings by stars."""

    window: Window
    viewings: Mapping[str, int]
    stars: Mapping[float, int]


class Training:
    """Training windows of models, read once for each, day by day."""

    def __init__(self, store: Store, window_days: int) -> None:
        self._store = store
        self._days = window_days
        self._known: dict[ModelRef, Trained] = {}

    def of(self, refs: Sequence[ModelRef]) -> Mapping[ModelRef, Trained]:
        """Of the models whose windows are known; others are forgotten."""
        retrains = self._store.retrains() if set(refs) - self._known.keys() else ()
        windows = {ref: window_of(ref, retrains, self._days) for ref in refs if ref not in self._known}
        found = {ref: self._read(window) for ref, window in windows.items() if window}
        self._known = {ref: trained for ref, trained in (self._known | found).items() if ref in refs}
        return self._known

    def _read(self, window: Window) -> Trained:
        viewings: Counter[str] = Counter()
        stars: Counter[float] = Counter()
        for day in _days(window):
            viewings.update(_counts(self._store.watches(day)["movie"]))
            stars.update(_counts(self._store.ratings(day)["rating"]))
        return Trained(window, +viewings, +stars)


def _counts(column: pd.Series) -> dict[Any, int]:
    counts: dict[Any, int] = column.value_counts().to_dict()
    return counts


def window_of(ref: ModelRef, retrains: Sequence[Retrain], days: int) -> Window | None:
    """What the store says of the model's retrain, else what its name says; None where that is no date."""
    for retrain in reversed(retrains):
        if retrain.model == ref:
            return retrain.window
    named = _DATE.search(ref.name)
    try:
        return Window.until(date.fromisoformat(named[1]), days) if named else None
    except ValueError:
        return None


def _days(window: Window) -> Iterator[Window]:
    for start in range(window.start, window.end, DAY):
        yield Window(start, min(start + DAY, window.end))
