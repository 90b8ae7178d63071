"""Events of a window -> how strongly each user was for each movie, as a sparse matrix.

Strengths are whole steps of 1/200: 200 is five stars. They are made once and kept, so that a model trained
again from its snapshot has the same bytes.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd  # the service, which makes no matrix, does without

Array = npt.NDArray[Any]

STEPS = 200
"""Steps of strength from nothing to five stars."""
SHORTEST = 30
"""Minutes; a movie of which nobody saw more counts as this long."""
HALVING = 5
"""A movie counts half in its user's history when this many others came after it."""

_PART = 2**20


@dataclass(frozen=True)
class Interactions:
    """A sparse matrix with a row per user and a column per movie, in rows (CSR).

    `users` (int64) ascend; `movies` come with the most users first, equal ones by id. Row r is the part from
    `indptr[r]` to `indptr[r + 1]` of `movie` (column numbers, ascending, 16 bits where they suffice),
    `strength` (uint8, steps, at least 1) and `weight` (uint8, steps: the strength, less the longer ago).
    `lengths` are minutes per movie.
    """

    users: Array
    movies: tuple[str, ...]
    indptr: Array
    movie: Array
    strength: Array
    weight: Array
    lengths: Array


def strength(minutes: npt.ArrayLike, length: npt.ArrayLike, rating: npt.ArrayLike) -> Array:
    """Steps (uint8, 1 to 200) of one or many interactions.

    A rating (NaN where there is none) of s stars is s/5. A watch without one is 1/5 for the first minute,
    rising with the share of the movie's `length` to 4/5 for all of it.
    """
    rated = np.asarray(rating, np.float64)
    share = np.clip(np.asarray(minutes, np.float64) / np.asarray(length, np.float64), 0.0, 1.0)
    steps = np.where(np.isnan(rated), 0.2 + 0.6 * share, rated / 5.0) * STEPS
    return np.asarray(np.clip(np.rint(steps), 1, STEPS), np.uint8)


def faded(steps: npt.ArrayLike, newer: npt.ArrayLike) -> Array:
    """Weight in its user's history (uint8, 1 to 200) of a movie after which `newer` others came."""
    weights = np.asarray(steps, np.float64) / (1.0 + np.asarray(newer, np.float64) / HALVING)
    return np.maximum(np.rint(weights), 1).astype(np.uint8)


def snapshot(ratings: "pd.DataFrame", watches: "pd.DataFrame") -> "pd.DataFrame":
    """One row per user and movie, by user and id, from frames as the store gives them, whatever their order.

    Columns: user (int64), movie (category), time (int64, the newest), minutes (int32, seen in all viewings
    together), rating (float64, the newest, the highest of several at once; NaN for none).
    """
    import pandas as pd

    movie = pd.api.types.union_categoricals(
        [_movies(ratings), _movies(watches)], sort_categories=True, ignore_order=True
    )
    user, unrated = np.concatenate([ratings["user"], watches["user"]]), np.full(len(watches), np.nan)
    minutes = np.concatenate([np.zeros(len(ratings), np.int32), watches["minutes"].astype(np.int32)])
    order = np.lexsort((movie.codes, user))
    user, codes = user[order], movie.codes[order]
    time = np.concatenate([ratings["time"], watches["first_time"]])[order]
    starts = np.flatnonzero(np.r_[True, (user[1:] != user[:-1]) | (codes[1:] != codes[:-1])][: len(user)])
    return pd.DataFrame(
        {
            "user": user[starts],
            "movie": pd.Categorical.from_codes(codes[starts], movie.categories),
            "time": np.maximum.reduceat(time, starts),
            "minutes": np.add.reduceat(minutes[order], starts, dtype=np.int32),
            "rating": _newest(np.concatenate([ratings["rating"], unrated])[order], time, starts),
        }
    )


def _movies(frame: "pd.DataFrame") -> "pd.Categorical":
    import pandas as pd

    found = pd.Categorical(frame["movie"])
    return pd.Categorical.from_codes(found.codes, found.categories.astype("str"))


def _newest(rating: Array, time: Array, starts: Array) -> Array:
    """Of each group of rows the newest rating, the highest of several at once, NaN for none."""
    rated_at = np.where(np.isnan(rating), np.iinfo(np.int64).min, time)
    newest = np.maximum.reduceat(rated_at, starts)
    sizes = np.diff(starts, append=len(rating))
    rating = np.where(rated_at == np.repeat(newest, sizes), rating, np.nan)
    return np.asarray(np.fmax.reduceat(rating, starts))


def interactions(table: "pd.DataFrame") -> Interactions:
    """The matrix of a snapshot; rows of the snapshot in any order, one per user and movie."""
    ids, column = _by_popularity(table["movie"])
    users, row = np.unique(table["user"].to_numpy(), return_inverse=True)
    order = np.argsort(row * len(ids) + column)
    row, column = row[order], column[order]
    minutes, rating, time = (table[name].to_numpy()[order] for name in ("minutes", "rating", "time"))
    lengths = _lengths(column, minutes, len(ids))
    indptr = np.searchsorted(row, np.arange(len(users) + 1))
    parts = _parts(indptr)
    steps = [strength(minutes[part], lengths[column[part]], rating[part]) for part in parts]
    weights = [faded(step, _newer(row[part], time[part])) for step, part in zip(steps, parts, strict=True)]
    return Interactions(users, ids, indptr, column, np.concatenate(steps), np.concatenate(weights), lengths)


def _parts(indptr: Array) -> list[slice]:
    """Whole rows together, about `_PART` interactions each; at least one part."""
    firsts = np.searchsorted(indptr, np.arange(0, indptr[-1], _PART))
    cuts = [*indptr[firsts].tolist(), int(indptr[-1])]
    return [slice(start, end) for start, end in pairwise(cuts)] or [slice(0)]


def _by_popularity(movie: "pd.Series") -> tuple[tuple[str, ...], Array]:
    """Ids of the movies that occur, most frequent first, and the place of each row's movie among them."""
    import pandas as pd

    found = pd.Categorical(movie)
    counts = np.bincount(found.codes, minlength=len(found.categories))
    names = found.categories.to_numpy(object)
    order = sorted(np.flatnonzero(counts), key=lambda code: (-counts[code], names[code]))
    place = np.empty(len(names), np.uint16 if len(order) <= 2**16 else np.uint32)
    place[order] = np.arange(len(order))
    return tuple(str(names[code]) for code in order), place[found.codes]


def _lengths(column: Array, minutes: Array, movies: int) -> Array:
    """Minutes (int32) that nine of ten of a movie's viewers do not exceed, at least `SHORTEST`."""
    watched = np.flatnonzero(minutes)
    order = watched[np.lexsort((minutes[watched], column[watched]))]
    counts = np.bincount(column[watched], minlength=movies)
    ends = np.cumsum(counts)
    lengths = np.full(movies, SHORTEST, np.int32)
    some = counts > 0
    ninth = (ends - counts + (9 * counts + 9) // 10 - 1)[some]
    lengths[some] = np.maximum(minutes[order[ninth]], SHORTEST)
    return lengths


def _newer(row: Array, time: Array) -> Array:
    """Per interaction, how many of the same row have a later time; rows ascend."""
    order = np.lexsort((time, row))
    ordered, end = time[order], np.searchsorted(row, row, side="right")
    last = np.r_[(ordered[1:] != ordered[:-1]) | (row[1:] != row[:-1]), True][: len(row)]
    newer = np.empty(len(row), np.int64)
    newer[order] = end - 1 - np.flatnonzero(last)[np.cumsum(last) - last]
    return newer
