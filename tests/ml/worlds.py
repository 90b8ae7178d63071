"""Small worlds to train on."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from ml.matrix import Interactions, interactions, snapshot
from movielog.events import DAY, SECOND


def ratings(rows: Iterable[tuple[int, str, int, float]]) -> pd.DataFrame:
    """A frame as `Store.ratings` gives it, from user, movie, time, rating."""
    frame = pd.DataFrame(list(rows), columns=["user", "movie", "time", "rating"])
    return frame.astype({"user": "int64", "movie": "category", "time": "int64", "rating": "float64"})


def watches(rows: Iterable[tuple[int, str, int, int]]) -> pd.DataFrame:
    """A frame as `Store.watches` gives it, from user, movie, first time, number of minutes."""
    frame = pd.DataFrame(list(rows), columns=["user", "movie", "first_time", "minutes"])
    frame = frame.assign(last_time=frame["first_time"], first_minute=0, last_minute=frame["minutes"] - 1)
    whole = ["user", "first_time", "minutes", "last_time", "first_minute", "last_minute"]
    return frame.astype({"movie": "category", **dict.fromkeys(whole, "int64")})


def tastes(users: int, movies: int, kinds: int = 6, seed: int = 1) -> pd.DataFrame:
    """Ratings of users who each like one kind of movie, popular ones more, some a day for ten days."""
    chance = np.random.default_rng(seed)
    kind, taste = chance.integers(0, kinds, movies), chance.integers(0, kinds, users)
    popularity = 1 / np.arange(3, movies + 3)
    rows = []
    for user in range(users):
        liking = popularity * np.where(kind == taste[user], 12, 1)
        chosen = chance.choice(movies, chance.integers(8, 30), replace=False, p=liking / liking.sum())
        times = np.sort(chance.integers(0, 10 * DAY // SECOND, len(chosen))) * SECOND
        stars = np.clip(3 + (kind[chosen] == taste[user]) + chance.integers(-1, 2, len(chosen)), 1, 5)
        rows += [(user, f"m{m}", int(t), float(s)) for m, t, s in zip(chosen, times, stars, strict=True)]
    return ratings(rows)


def matrix(rated: pd.DataFrame) -> Interactions:
    """The matrix of ratings alone."""
    return interactions(snapshot(rated, watches([])))


def dense(data: Interactions, values: np.ndarray) -> np.ndarray:
    """Users x movies, float64."""
    full = np.zeros((len(data.users), len(data.movies)))
    full[np.repeat(np.arange(len(data.users)), np.diff(data.indptr)), data.movie] = values
    return full
