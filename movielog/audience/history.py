"""The past of an audience: what it watched and rated on its own, before anything was recommended."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.random import Generator
from numpy.typing import NDArray

from movielog.audience.behaviour import RATED, choose, minutes_seen, rate
from movielog.audience.model import Audience, Places
from movielog.events import DAY, SECOND
from movielog.past import Past, before, rated, watched

HOUR_WEIGHTS = (3, 2, 1, 1, 1, 1, 2, 3, 4, 4, 4, 5, 6, 6, 6, 7, 8, 10, 13, 16, 17, 15, 10, 6)
"""How many viewings begin in each hour of the UTC day, relative to each other."""
RATED_ELSEWHERE = 2.0
"""Movies rated per viewing that were seen in some other place."""

_MINUTE = 60 * SECOND
_HOUR = 60 * _MINUTE


def history(audience: Audience, until: int, days: float, per_day: float, seed: int) -> Past:
    """The `days` before `until` (ns), in which a user begins `per_day` viewings a day on average.

    Times are whole seconds. Nobody watches or rates a movie twice.
    """
    rng = np.random.default_rng([seed, 1])
    start = until - round(days * DAY)
    viewings = rng.poisson(len(audience.users) * days * per_day)
    user = audience.visitors(viewings + rng.poisson(viewings * RATED_ELSEWHERE), rng)
    movie = choose(audience, user, rng)
    visits = Visits(audience, user, movie, _times(start, until, len(user), rng))
    new = _first_of_each(audience, user, movie)
    here, elsewhere = visits.at(new[new < viewings]), visits.at(new[new >= viewings])
    minutes = minutes_seen(audience, here.user, here.movie, rng)
    left = here.later(minutes * _MINUTE + rng.integers(600, size=len(minutes)) * SECOND)
    return before(
        until,
        audience.movies,
        _watching(here, minutes),
        _rating(left, rng, RATED),
        _rating(elsewhere, rng, 1.0),
    )


class Visits(NamedTuple):
    """Places of users and movies, and times (ns), all (visits,)."""

    audience: Audience
    user: Places
    movie: Places
    time: Places

    def at(self, rows: Places) -> "Visits":
        """Some of them."""
        return Visits(self.audience, self.user[rows], self.movie[rows], self.time[rows])

    def later(self, by: Places) -> "Visits":
        """The same users and movies `by` ns later."""
        return self._replace(time=self.time + by)


def _watching(visits: Visits, minutes: Places) -> pd.DataFrame:
    rows = np.repeat(np.arange(len(minutes)), minutes)
    minute = np.arange(len(rows)) - np.repeat(np.cumsum(minutes) - minutes, minutes)
    user = visits.audience.users[visits.user[rows]]
    return watched(visits.time[rows] + minute * _MINUTE, user, visits.movie[rows], minute)


def _rating(visits: Visits, rng: Generator, share: float) -> pd.DataFrame:
    stars = rate(visits.audience, visits.user, visits.movie, rng, share)
    return rated(visits.time, visits.audience.users[visits.user], visits.movie, stars)


def _first_of_each(audience: Audience, user: Places, movie: Places) -> Places:
    """Rows with a user and movie that no row before them has, and that the user had not seen earlier."""
    pair = user * len(audience.movies) + movie
    seen = [who * len(audience.movies) + what for who, movies in audience.seen.items() for what in movies]
    _, rows = np.unique(pair, return_index=True)
    return np.sort(rows[~np.isin(pair[rows], seen)])


def _times(start: int, until: int, count: int, rng: Generator) -> NDArray[np.int64]:
    """Whole seconds in the rhythm of the day."""
    hours = np.arange(start // _HOUR, -(-until // _HOUR))
    low, high = (hours * _HOUR).clip(start), (hours * _HOUR + _HOUR).clip(max=until)
    weights = np.array(HOUR_WEIGHTS)[hours % 24] * (high - low).astype(np.float64)
    hour = rng.choice(len(hours), count, p=weights / weights.sum())
    return np.asarray(rng.integers(low[hour], high[hour]) // SECOND * SECOND)
