"""The past of an audience: what it watched and rated on its own, before anything was recommended."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from movielog.audience.behaviour import choose, minutes_seen, rate
from movielog.audience.model import Audience
from movielog.events import DAY, SECOND, Rated, Watched

HOUR_WEIGHTS = (3, 2, 1, 1, 1, 1, 2, 3, 4, 4, 4, 5, 6, 6, 6, 7, 8, 10, 13, 16, 17, 15, 10, 6)
"""How many viewings begin in each hour of the UTC day, relative to each other."""
RATED_ELSEWHERE = 2.0
"""Movies rated per viewing that were seen in some other place."""

_MINUTE = 60 * SECOND
_HOUR = 3600 * SECOND


@dataclass(frozen=True)
class History:
    """Events by time, one per row: places of user and movie, and a minute watched or, where that is -1, stars."""

    audience: Audience
    time: NDArray[np.int64]
    user: NDArray[np.int64]
    movie: NDArray[np.int64]
    minute: NDArray[np.int64]
    stars: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.time)

    def events(self) -> Iterator[Watched | Rated]:
        """All events, by time."""
        users, movies = self.audience.users.tolist(), self.audience.movies
        columns = (self.time, self.user, self.movie, self.minute, self.stars)
        for time, user, movie, minute, stars in zip(*(column.tolist() for column in columns), strict=True):
            if minute >= 0:
                yield Watched(time, users[user], movies[movie], minute)
            else:
                yield Rated(time, users[user], movies[movie], stars)


def history(audience: Audience, until: int, days: float, per_day: float, seed: int) -> History:
    """The `days` before `until` (ns), in which a user begins `per_day` viewings a day on average.

    Times are whole seconds. Nobody watches or rates a movie twice; what would happen at `until` or later is
    left out.
    """
    rng = np.random.default_rng([seed, 1])
    start = until - round(days * DAY)
    viewings = rng.poisson(len(audience.users) * days * per_day)
    elsewhere = rng.poisson(viewings * RATED_ELSEWHERE)
    user = audience.visitors(viewings + elsewhere, rng)
    user, movie, watched = _distinct(audience, user, np.arange(len(user)) < viewings, rng)
    began = _times(start, until, len(user), rng)
    parts = [
        _watching(audience, user[watched], movie[watched], began[watched], rng),
        _rating(user[~watched], movie[~watched], began[~watched], rate(audience, user[~watched], movie[~watched], rng, 1.0)),
    ]
    columns = [np.concatenate(column) for column in zip(*(part for group in parts for part in group), strict=True)]
    return _ordered(audience, columns, until)
