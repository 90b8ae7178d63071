"""How well recommendations foretell what users turned to later."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

COUNT = 20

Recommender = Callable[[int], Sequence[str]]
"""User -> movies, best first."""
Held = Mapping[int, frozenset[str]]
"""User -> the movies to be foretold; none is empty."""


class Quality(NamedTuple):
    """Means over `users`; recall and nDCG are 0 to 1, NaN for no users."""

    users: int
    recall: float
    ndcg: float


def quality(recommend: Recommender, held: Held) -> Quality:
    """Recall@20 and nDCG@20 of a recommender.

    Recall counts hits among the first 20 over min(20, held out). nDCG has gain 1 per hit, discount
    1 / log2(rank + 1), over that of the best order possible (K. Jarvelin, J. Kekalainen, TOIS 20, 2002).
    """
    each = of_users(recommend, held)
    recall, ndcg = each.mean(axis=0) if len(each) else (np.nan, np.nan)
    return Quality(len(each), float(recall), float(ndcg))


def of_users(recommend: Recommender, held: Held) -> np.ndarray:
    """A row of recall@20 and nDCG@20, as in `quality`, for each user in the order of `held`."""
    each = [_of_user(recommend(user)[:COUNT], movies) for user, movies in held.items()]
    return np.array(each, np.float64).reshape(-1, 2)


_DISCOUNT = 1 / np.log2(np.arange(2, COUNT + 2))


def _of_user(movies: Sequence[str], held: frozenset[str]) -> tuple[float, float]:
    hits = np.flatnonzero([movie in held for movie in movies])
    possible = min(COUNT, len(held))
    return len(hits) / possible, _DISCOUNT[hits].sum() / _DISCOUNT[:possible].sum()


def last_fifth(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A snapshot without each user's last fifth in time, rounded down, and that fifth; equal times by id."""
    by_time = table.sort_values(["user", "time", "movie"])
    users = by_time.groupby("user")["user"]
    size = users.transform("size")
    later = users.cumcount() >= size - size // 5
    return by_time[~later], by_time[later]


def since(table: pd.DataFrame, time: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A snapshot's rows before a time, and those after of users who have some before."""
    return table[table["time"] < time], returning(table, time)


def returning(table: pd.DataFrame, time: int) -> pd.DataFrame:
    """A snapshot's rows from a time on, of users who have some before."""
    later = table["time"] >= time
    after = table[later]
    return after[after["user"].isin(table["user"][~later].unique())]


def some_users(rows: pd.DataFrame, most: int) -> pd.DataFrame:
    """The rows of every n-th user, n as small as leaves no more than `most` users."""
    users = np.unique(rows["user"])
    return rows[rows["user"].isin(users[:: max(1, -(-len(users) // most))])]


def held_out(rows: pd.DataFrame) -> Held:
    """The movies of each user."""
    movies = rows["movie"].astype("str").groupby(rows["user"]).agg(frozenset)
    return dict(zip(movies.index.tolist(), movies, strict=True))
