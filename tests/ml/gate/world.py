"""A window of users with steady tastes, its model, and the histories that the gate asks for."""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache

import numpy as np
import pandas as pd

from ml.gate.bar import Bar
from ml.knn import KnnModel, Params
from ml.matrix import interactions, snapshot
from ml.training import train
from store.history import joined
from store.port import Seen, Window
from tests.ml.retraining.world import two_weeks
from tests.ml.worlds import ratings, watches

BAR = Bar(
    sample_users=30,
    most_users=1000,
    fewest_users=30,
    liked=0.7,
    folds=3,
    margin=0.3,
    confidence=0.9,
    resamples=500,
    seed=1,
    answer_ms=60_000,
    seconds=60,
)


@cache
def table(last: int, days: int = 5) -> pd.DataFrame:
    """The snapshot of the days until April `last`."""
    window = span(last, days)
    rows = [(r.user, r.movie, r.time, r.rating) for r in two_weeks() if window.start <= r.time < window.end]
    return snapshot(ratings(rows), watches([]))


def span(last: int, days: int = 5) -> Window:
    return Window.until(date(2022, 4, last), days)


def model(last: int, rows: pd.DataFrame | None = None, days: int = 5) -> KnnModel:
    """The model of the days until April `last`, or of other rows in their place."""
    data = interactions(table(last, days) if rows is None else rows)
    return train(data, 2, span(last, days), Params())


def shuffled(rows: pd.DataFrame, seed: int = 1) -> pd.DataFrame:
    """The same times, ratings and users, with each other's movies."""
    movies = np.random.default_rng(seed).permutation(rows["movie"].astype("str").to_numpy())
    return rows.assign(movie=movies).drop_duplicates(["user", "movie"]).astype({"movie": "category"})


def history(user: int) -> Sequence[Seen]:
    """The user's two weeks, as the store gives them."""
    return joined([], [(r.movie, r.time, r.rating) for r in _by_user()[user]])


def histories(users: Sequence[int]) -> Mapping[int, Sequence[Seen]]:
    """The histories of several users."""
    return {user: history(user) for user in users}


@cache
def _by_user() -> dict[int, list]:
    found: dict[int, list] = {}
    for rated in two_weeks():
        found.setdefault(rated.user, []).append(rated)
    return found
