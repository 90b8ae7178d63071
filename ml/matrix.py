"""Events of a window -> how strongly each user was for each movie, as a sparse matrix.

Strengths are whole steps of 1/200: 200 is five stars. They are made once and kept, so that a model trained
again from its snapshot has the same bytes.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ml.kernels import rows

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

    def taken(name: str) -> Array:
        """One at a time, to have no more than that beside the result."""
        return np.asarray(np.concatenate(columns.pop(name))[order])

    minutes, time = np.add.reduceat(taken("minutes"), starts, dtype=np.int32), taken("time")
    rating, time = _newest(taken("rating"), time, starts), np.maximum.reduceat(time, starts)
    movie = pd.Categorical.from_codes(codes, movie.categories)
    made = {"user": user, "movie": movie, "time": time, "minutes": minutes, "rating": rating}
    return pd.DataFrame(made, copy=False)


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

    The snapshot has one row per user and movie, in any order. Beyond it and the matrix it takes room for the
    minutes by movie, and for a part of the rows at a time.
    """
    known = np.ones(len(table), np.bool_) if known is None else known
    table, known = _by_user(table, known)
    codes, names = table["movie"].cat.codes.to_numpy(), table["movie"].cat.categories.to_numpy(object)
    chosen, place = _by_popularity(rows.counted(codes, known, len(names)), names)
    minutes, rating, time = (table[name].to_numpy() for name in ("minutes", "rating", "time"))
    lengths = np.maximum(rows.ninths(codes, minutes, known, len(names))[chosen], SHORTEST)
    users, starts, ends = _rows(table["user"].to_numpy(), known)
    movie, steps, weights = (np.empty(ends[-1], kind) for kind in (place.dtype, np.uint8, np.uint8))
    for first, last in _parts(ends):
        part = slice(ends[first], ends[last])
        some = starts[first] + np.flatnonzero(known[starts[first] : starts[last]])
        column = place[codes[some]]
        order, newer = rows.arranged(ends[first + 1 : last + 1] - ends[first], column, time[some])
        some, movie[part] = some[order], column[order]
        steps[part] = strength(minutes[some], lengths[movie[part]], rating[some])
        weights[part] = faded(steps[part], newer)
    there = np.diff(ends) > 0
    indptr = np.append(0, ends[1:][there])
    return Interactions(users[there], tuple(map(str, names[chosen])), indptr, movie, steps, weights, lengths)


def _by_user(table: "pd.DataFrame", known: Array) -> "tuple[pd.DataFrame, Array]":
    """The same rows, users ascending."""
    user = table["user"].to_numpy()
    if (user[1:] >= user[:-1]).all():
        return table, known
    order = np.argsort(user, kind="stable")
    return table.iloc[order], known[order]


def _rows(user: Array, known: Array) -> tuple[Array, Array, Array]:
    """The users of ascending rows; where each one's begin, and the end of all; and how many known ones there
    are before that."""
    starts = np.flatnonzero(np.r_[True, user[1:] != user[:-1]][: len(user)])
    counts = np.add.reduceat(known, starts, dtype=np.int64) if len(user) else starts
    return user[starts], np.append(starts, len(user)), np.append(0, np.cumsum(counts))


def _parts(ends: Array) -> list[tuple[int, int]]:
    """Whole rows together, about `_PART` interactions each: the number of the first, and of the one after."""
    firsts = np.searchsorted(ends, np.arange(0, ends[-1], _PART))
    return list(pairwise(np.unique([*firsts, len(ends) - 1]).tolist()))


def _by_popularity(counts: Array, names: Array) -> tuple[Array, Array]:
    """The numbers of the movies that occur, most frequent first, and each number's place among them."""
    chosen = np.array(
        sorted(np.flatnonzero(counts).tolist(), key=lambda code: (-counts[code], names[code])), np.int64
    )
    place = np.empty(len(names), np.uint16 if len(chosen) <= 2**16 else np.uint32)
    place[chosen] = np.arange(len(chosen))
    return chosen, place
