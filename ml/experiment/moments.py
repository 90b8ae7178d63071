"""What the statistics need to know of an arm: how many users, sums, and sums of products of their columns.

Small whatever the number of users, and additive: users can be added, and a user whose row has changed is
taken out with the old row and put in with the new one. Counts and half stars are sums that floats hold
exactly, so the order of additions changes nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from store.port import ARMS

Array = NDArray[np.float64]

MEASURED = (
    "requests",
    "watched",
    "recommended_and_watched",
    "rating_sum",
    "rating_count",
    "top_rating_sum",
    "top_rating_count",
)
"""Columns of a user's row: those of `ml.online.per_user`, and the number of requests."""
DURING = ("users", *MEASURED, "followers")
"""With 1 for every user, and 1 for those who watched a recommended movie."""
BEFORE = "before_"
"""Prefix of the same columns over the days before the experiment."""
COLUMNS = (*DURING, *(BEFORE + name for name in DURING))


@dataclass(frozen=True)
class Moments:
    """`n` users; `sums` (columns,) and `products` (columns, columns) of their values, about zero."""

    n: int
    sums: Array
    products: Array
    columns: tuple[str, ...] = COLUMNS

    @classmethod
    def of(cls, values: Array, columns: tuple[str, ...] = COLUMNS) -> "Moments":
        """Of `values` (users, columns)."""
        return cls(len(values), values.sum(axis=0), values.T @ values, columns)

    def __add__(self, other: "Moments") -> "Moments":
        return Moments(self.n + other.n, self.sums + other.sums, self.products + other.products, self.columns)

    def __sub__(self, other: "Moments") -> "Moments":
        return Moments(self.n - other.n, self.sums - other.sums, self.products - other.products, self.columns)

    def sum(self, column: str) -> float:
        """Sum of a column over the users."""
        return float(self.sums[self.columns.index(column)])

    def product(self, left: str, right: str) -> float:
        """Sum over the users of the product of two columns."""
        return float(self.products[self.columns.index(left), self.columns.index(right)])

    def take(self, columns: Sequence[str]) -> "Moments":
        """The same users with only these columns, in this order."""
        at = [self.columns.index(name) for name in columns]
        return Moments(self.n, self.sums[at], self.products[np.ix_(at, at)], tuple(columns))

    def scatter(self) -> Array:
        """Sums of products (columns, columns) about the means."""
        return self.products - np.outer(self.sums, self.sums) / self.n


def with_requests(rows: pd.DataFrame, recommended: pd.DataFrame) -> pd.DataFrame:
    """Rows of `ml.online.per_user` with each user's number of requests, from the frame they were made of."""
    first = recommended[recommended["rank"] <= 1]
    return rows.assign(requests=first.groupby(["arm", "user"]).size().reindex(rows.index, fill_value=0))


def moments_by_arm(rows: pd.DataFrame, before: pd.DataFrame | None = None) -> Mapping[int, Moments]:
    """Moments of both arms from one row per (arm, user) with the columns MEASURED.

    `before`, indexed by user, holds the same columns over the days before the experiment; users who are not
    in it have zeros there. An arm without users has moments of zero users.
    """
    values = user_values(rows, before)
    arm = rows.index.get_level_values("arm").to_numpy()
    return {each: Moments.of(values[arm == each]) for each in ARMS}


def user_values(rows: pd.DataFrame, before: pd.DataFrame | None = None) -> Array:
    """Values (users, COLUMNS) of the rows, in their order; arguments as of `moments_by_arm`."""
    during = with_derived(rows[list(MEASURED)].to_numpy(np.float64))
    if before is None:
        return np.hstack([during, np.zeros_like(during)])
    place = before.index.get_indexer(rows.index.get_level_values("user"))
    earlier = with_derived(before[list(MEASURED)].to_numpy(np.float64))
    return np.hstack([during, np.where(place[:, None] >= 0, earlier[place], 0.0)])


def with_derived(measured: Array) -> Array:
    """Values (users, DURING) from values (users, MEASURED)."""
    followers = measured[:, [MEASURED.index("recommended_and_watched")]] > 0
    return np.hstack([np.ones((len(measured), 1)), measured, followers])
