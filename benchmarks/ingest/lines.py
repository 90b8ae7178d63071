"""Lines of a realistic mix: 94% minutes watched, 4% ratings, 2% requests, some damaged."""

from collections.abc import Iterator

import numpy as np

from benchmarks.stores import FIRST_DAY
from movielog.events import DAY, SECOND, Event, Rated, Requested, Watched
from movielog.format import format_event

VIEWERS, MOVIES = 20_000, 5_000
"""Who watch at the same time, and what there is."""
_DAMAGED = 0.001


def lines(number: int, seed: int = 1, day: int = FIRST_DAY) -> Iterator[bytes]:
    """So many lines in the order of their time: viewers tell every minute of the movie that they watch."""
    chance = np.random.default_rng(seed)
    user, movie = np.arange(VIEWERS) + seed * VIEWERS, chance.zipf(1.3, VIEWERS) % MOVIES
    minute = chance.integers(0, 90, VIEWERS)
    for at in range(number):
        viewer = at % VIEWERS
        minute[viewer] += 1
        if minute[viewer] > 90:
            minute[viewer], movie[viewer] = 0, chance.zipf(1.3) % MOVIES
        time = day * DAY + at * 60 * SECOND // VIEWERS // SECOND * SECOND
        kind = chance.random()
        yield _line(kind, time, int(user[viewer]), int(movie[viewer]), int(minute[viewer]))


def _line(kind: float, time: int, user: int, movie: int, minute: int) -> bytes:
    if kind < _DAMAGED:
        return b"damaged," + format_event(Watched(time, user, _id(movie), minute))
    return format_event(_event(kind, time, user, movie, minute))


def _event(kind: float, time: int, user: int, movie: int, minute: int) -> Event:
    if kind < 0.94:
        return Watched(time, user, _id(movie), minute)
    if kind < 0.98:
        return Rated(time, user, _id(movie), float(1 + movie % 5))
    listed = tuple(_id((movie + step) % MOVIES) for step in range(20))
    return Requested(time, user, "127.0.0.1:8082", 200, listed, "", 30)


def _id(movie: int) -> str:
    return f"made+up+{movie}+{1950 + movie % 73}"
