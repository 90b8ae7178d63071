"""What an update reads and counts again depends on what is new, not on what is stored."""

from collections import Counter

import pandas as pd
import pytest

from monitor.quality.windows import sliding as module
from monitor.quality.windows.feed import Feed
from monitor.quality.windows.lately import Lately
from monitor.quality.windows.sliding import Sliding
from movielog.events import DAY, SECOND, Rated, Requested
from store.port import Answer, Batch, Lists, ModelRef, Window
from tests.fakes import MemoryStore
from tests.movielog.recount import START

HOUR = 3600 * SECOND
MODEL = ModelRef("KNN_1_2022-01-07", "a" * 64)


class Counting(MemoryStore):
    """Counts the rows that are read."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = 0

    def _counted(self, frame: pd.DataFrame) -> pd.DataFrame:
        self.rows += len(frame)
        return frame

    def lists(self, window: Window) -> Lists:
        told = super().lists(window)
        return told._replace(requests=self._counted(told.requests))

    def answers(self, window: Window) -> pd.DataFrame:
        return self._counted(super().answers(window))

    def ratings(self, window: Window) -> pd.DataFrame:
        return self._counted(super().ratings(window))


def events(store: MemoryStore, start: int, users: range) -> None:
    """Each user asks and rates once, a second apart, within the hour from `start`."""
    asked = [Requested(start + user * SECOND, user, "h:1", 200, ("up+2009",), "", 9) for user in users]
    store.record(
        Batch(requests=asked, ratings=[Rated(one.time + 1, one.user, "up+2009", 4.0) for one in asked])
    )
    store.record_answers([Answer(one.time, one.user, 1, MODEL, "knn", one.movies) for one in asked])


def cost_of_an_update(hours: int, monkeypatch: pytest.MonkeyPatch) -> tuple[int, int]:
    """Rows read and viewers counted again for one minute's events, after so many hours of others."""
    store, recounts = Counting(), Counter[str]()
    recount = module.Viewer.recount
    monkeypatch.setattr(module.Viewer, "recount", lambda viewer: (recounts.update("1"), recount(viewer)))
    for hour in range(hours):
        events(store, START + hour * HOUR, range(1000, 1600))
    now = START + 20 * HOUR
    feed = Feed(store, [Sliding(DAY)], Lately(HOUR))
    feed.advance(now)
    events(store, now, range(60))
    store.rows, recounts["1"] = 0, 0
    feed.advance(now + 60 * SECOND)
    return store.rows, recounts["1"]


def test_an_update_costs_the_same_however_much_the_window_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    little, much = (cost_of_an_update(hours, monkeypatch) for hours in (1, 15))
    settled_by_it = 600
    assert little == much == (60 * 3, 60 + settled_by_it)
