"""The online metrics of the last hours, by arm and model, moved on with what is new and what is over."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from heapq import heappop, heappush
from typing import NamedTuple

import pandas as pd

from ml.online import OnlineMetrics
from monitor.quality.windows.viewer import Group, Request, Row, Viewer
from movielog.events import DAY

_NOTHING: Row = (0,) * 9


class Measured(NamedTuple):
    """Successful requests, and what came of them."""

    requests: int
    online: OnlineMetrics


class Sliding:
    """Equal to `ml.online` over the `length` ns before the end of the last update, with (arm, model) for arm.

    An update costs what is new in it and what leaves the window, with the other events of the same viewers,
    not what the window holds. `viewings` and `stars` count the window's viewings by movie and its ratings,
    of everybody.
    """

    def __init__(self, length: int) -> None:
        self.length = length
        self.viewings: Counter[str] = Counter()
        self.stars: Counter[float] = Counter()
        self._start = 0
        self._viewers: defaultdict[int, Viewer] = defaultdict(Viewer)
        self._open: set[int] = set()
        self._ends: list[tuple[int, int]] = []
        self._totals: dict[Group, Row] = {}
        self._changed: set[int] = set()

    def update(
        self,
        end: int,
        settled: pd.DataFrame,
        still_open: pd.DataFrame,
        watches: pd.DataFrame,
        ratings: pd.DataFrame,
    ) -> None:
        """Move on to `end`. Frames of `ml.running.asked.Listed`, each settled request once, and of the
        store, which may repeat what was told."""
        self._start = end - self.length
        self._settle(settled)
        self._reopen(still_open)
        self._watch(watches)
        self._rate(ratings)
        self._expire()
        for user in self._changed:
            self._recount(user)
        self._changed = set()

    def measured(self) -> Mapping[Group, Measured]:
        """By arm and model, of those that answered somebody in the window."""
        return {group: _measured(row) for group, row in self._totals.items()}

    def _settle(self, listed: pd.DataFrame) -> None:
        for user, request in _requests(listed):
            if request.time >= self._start:
                self._viewers[user].ask(request)
                self._note(user, request.time)

    def _reopen(self, listed: pd.DataFrame) -> None:
        found: defaultdict[int, list[Request]] = defaultdict(list)
        for user, request in _requests(listed):
            if request.time >= self._start:
                found[user].append(request)
        for user in self._open | found.keys():
            if self._viewers[user].open != found[user]:
                self._viewers[user].open = found[user]
                self._changed.add(user)
        self._open = {user for user in found if found[user]}

    def _watch(self, watches: pd.DataFrame) -> None:
        columns = (watches[name].tolist() for name in ("user", "movie", "first_time"))
        for user, movie, time in zip(*columns, strict=True):
            key = (time // DAY, movie)
            known = self._viewers[user].seen.get(key) if user in self._viewers else None
            if time < known if known is not None else time >= self._start:
                self._viewers[user].seen[key] = time
                self.viewings[movie] += known is None
                self._note(user, time)

    def _rate(self, ratings: pd.DataFrame) -> None:
        columns = (ratings[name].tolist() for name in ("user", "time", "rating", "movie"))
        for user, time, stars, movie in zip(*columns, strict=True):
            if time >= self._start and (time, stars, movie) not in self._viewers[user].rated:
                self._viewers[user].rated[time, stars, movie] = None
                self.stars[stars] += 1
                self._note(user, time)

    def _note(self, user: int, time: int) -> None:
        """Something of a user at this time has changed."""
        self._changed.add(user)
        heappush(self._ends, (time, user))

    def _expire(self) -> None:
        while self._ends and self._ends[0][0] < self._start:
            self._changed.add(heappop(self._ends)[1])

    def _recount(self, user: int) -> None:
        viewer = self._viewers[user]
        before = viewer.rows
        viewer.forget(self._start, self.viewings, self.stars)
        viewer.recount()
        for group in before.keys() | viewer.rows.keys():
            self._move(group, before.get(group, _NOTHING), viewer.rows.get(group, _NOTHING))
        if not viewer:
            del self._viewers[user]

    def _move(self, group: Group, before: Row, now: Row) -> None:
        """Totals without one row and with another; half stars and counts are exact in floats."""
        total = self._totals.get(group, _NOTHING)
        moved = tuple(all_rows - old + new for all_rows, old, new in zip(total, before, now, strict=True))
        if moved[1]:
            self._totals[group] = moved
        else:
            self._totals.pop(group, None)


def _measured(row: Row) -> Measured:
    requests, *summands = row
    return Measured(int(requests), OnlineMetrics(*summands))  # type: ignore[arg-type]


def _requests(listed: pd.DataFrame) -> Iterator[tuple[int, Request]]:
    """User and request, of a frame of `ml.running.asked.Listed` with tuples of movies' ids."""
    columns = (listed[name].tolist() for name in ("user", "time", "arm", "model", "movies"))
    for user, time, arm, model, movies in zip(*columns, strict=True):
        yield user, Request(time, (arm, str(model)), movies)
