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
    return joined([rated(ratings), watched(watches)])


def rated(ratings: "pd.DataFrame") -> "pd.DataFrame":
    """What a snapshot needs of ratings."""
    columns = ratings[["user", "movie", "time", "rating"]]
    return columns.assign(minutes=np.zeros(len(ratings), np.int32))


def watched(watches: "pd.DataFrame") -> "pd.DataFrame":
    """What a snapshot needs of viewings."""
    columns = watches[["user", "movie", "first_time"]].rename(columns={"first_time": "time"})
    return columns.assign(minutes=watches["minutes"].astype(np.int32), rating=np.nan)


def joined(parts: "list[pd.DataFrame]") -> "pd.DataFrame":
    """The snapshot of at least one part as `rated` and `watched` make them; the list is empty afterwards."""
    import pandas as pd

    movie = pd.api.types.union_categoricals(
        [_movies(part) for part in parts], sort_categories=True, ignore_order=True
    )
    columns = {name: [part.pop(name).to_numpy() for part in parts] for name in ("time", "minutes", "rating")}
    user, codes = np.concatenate([part["user"] for part in parts]), movie.codes
    parts.clear()
    order = np.lexsort((codes, user))
    user, codes = user[order], codes[order]
    starts = np.flatnonzero(np.r_[True, (user[1:] != user[:-1]) | (codes[1:] != codes[:-1])][: len(user)])
    user, codes = user[starts], codes[starts]
    time, minutes, rating = (np.concatenate(columns.pop(name))[order] for name in list(columns))
    return pd.DataFrame(
        {
            "user": user,
            "movie": pd.Categorical.from_codes(codes, movie.categories),
            "time": np.maximum.reduceat(time, starts),
            "minutes": np.add.reduceat(minutes, starts, dtype=np.int32),
            "rating": _newest(rating, time, starts),
        },
        copy=False,
    )


def _movies(frame: "pd.DataFrame") -> "pd.Categorical":
    import pandas as pd

    found = pd.Categorical(frame["movie"])
    return pd.Categorical.from_codes(found.codes, found.categories.astype("str"))


def _newest(rating: Array, time: Array, starts: Array) -> Array:
    """Of each group of rows the newest rating, the highest of several at once, NaN for none."""
    given = np.flatnonzero(~np.isnan(rating))
    group, rating, time = np.searchsorted(starts, given, side="right") - 1, rating[given], time[given]
    order = np.lexsort((rating, time, group))
    newest = np.full(len(starts), np.nan)
    newest[group[order]] = rating[order]  # of several for one place the last one stays
    return newest


def interactions(table: "pd.DataFrame", known: Array | None = None) -> Interactions:
    """The matrix of a snapshot, or of those rows for which `known` (bool) says so.

    The snapshot has one row per user and movie, in any order.
    """
    rows = np.arange(len(table)) if known is None else np.flatnonzero(known)
    ids, column = _by_popularity(table["movie"], rows)
    users, row = _numbered(table["user"].to_numpy()[rows])
    order = np.argsort(row * len(ids) + column)
    row, column, order = row[order], column[order], rows[order]
    indptr = np.searchsorted(row, np.arange(len(users) + 1))
    minutes, rating, time = (table[name].to_numpy() for name in ("minutes", "rating", "time"))
    lengths = _lengths(column, minutes[order], len(ids))
    steps, weights = np.empty(len(order), np.uint8), np.empty(len(order), np.uint8)
    for part in _parts(indptr):
        some = order[part]
        steps[part] = strength(minutes[some], lengths[column[part]], rating[some])
        weights[part] = faded(steps[part], _newer(row[part], time[some]))
    return Interactions(users, ids, indptr, column, steps, weights, lengths)


def _numbered(user: Array) -> tuple[Array, Array]:
    """The users, ascending, and the place of each row's user among them."""
    if (user[1:] < user[:-1]).any():
        users, row = np.unique(user, return_inverse=True)
        return users, row
    first = np.r_[True, user[1:] != user[:-1]][: len(user)]
    return user[first], np.cumsum(first) - 1


def _parts(indptr: Array) -> list[slice]:
    """Whole rows together, about `_PART` interactions each; at least one part."""
    firsts = np.searchsorted(indptr, np.arange(0, indptr[-1], _PART))
    cuts = [*indptr[firsts].tolist(), int(indptr[-1])]
    return [slice(start, end) for start, end in pairwise(cuts)] or [slice(0)]


def _by_popularity(movie: "pd.Series", rows: Array) -> tuple[tuple[str, ...], Array]:
    """Ids of the movies that occur in the rows, most frequent first, and each row's place among them."""
    import pandas as pd

    found = pd.Categorical(movie)
    codes = found.codes[rows]
    counts = np.bincount(codes, minlength=len(found.categories))
    names = found.categories.to_numpy(object)
    order = sorted(np.flatnonzero(counts), key=lambda code: (-counts[code], names[code]))
    place = np.empty(len(names), np.uint16 if len(order) <= 2**16 else np.uint32)
    place[order] = np.arange(len(order))
    return tuple(str(names[code]) for code in order), place[codes]


def _lengths(column: Array, minutes: Array, movies: int) -> Array:
    """Minutes (int32) that nine of ten of a movie's viewers do not exceed, at least `SHORTEST`."""
    seen = minutes > 0
    counts = np.bincount(column[seen], minlength=movies)
    by_movie = column[seen].astype(np.int64) << 32 | minutes[seen]
    by_movie.sort()
    ends = np.cumsum(counts)
    lengths = np.full(movies, SHORTEST, np.int32)
    some = counts > 0
    ninth = (ends - counts + (9 * counts + 9) // 10 - 1)[some]
    lengths[some] = np.maximum(by_movie[ninth] & 0xFFFFFFFF, SHORTEST)
    return lengths


def _newer(row: Array, time: Array) -> Array:
    """Per interaction, how many of the same row have a later time; rows ascend."""
    order = np.lexsort((time, row))
    ordered, end = time[order], np.searchsorted(row, row, side="right")
    last = np.r_[(ordered[1:] != ordered[:-1]) | (row[1:] != row[:-1]), True][: len(row)]
    newer = np.empty(len(row), np.int64)
    newer[order] = end - 1 - np.flatnonzero(last)[np.cumsum(last) - last]
    return newer
