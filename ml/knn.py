"""The item-based KNN: `fit` computes, `recommend` reads.

Similarity is the cosine of two movies' columns, in which a user with many movies counts less and stars count
by their root, shrunk where few users saw both. docs/decisions/knn-settings.md tells where this comes from.
"""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numba
import numpy as np

from ml.kernels import neighbours
from ml.kernels.scoring import Scratch, Tables, best, row_of
from ml.matrix import HALVING, STEPS, Array, Interactions
from store.port import Seen, Window

KNN, RECENT, POPULAR = "knn", "recent", "popular"
_MOST = 2**32 - 1


@dataclass(frozen=True)
class Params:
    """`neighbours` per movie; a user of n movies counts n^-`activity`; a strength s counts s^`liking`;
    similarities are damped as by `shrinkage` average users of either movie who did not see the other."""

    neighbours: int = 100
    activity: float = 0.7
    liking: float = 0.5
    shrinkage: float = 4.0


class Recommendation(NamedTuple):
    """Distinct movie ids, best first, and which knowledge they come from: `knn` the user's row in the model,
    `recent` only events that the model does not know, `popular` none."""

    movies: tuple[str, ...]
    rung: str


class Contribution(NamedTuple):
    """What a movie of the user's history adds to the score of another."""

    movie: str
    score: float


@dataclass(frozen=True, eq=False)
class KnnModel:
    """A trained model. Movies are numbered by popularity; a row holds what one user saw in the window.

    `tables` as in `ml.scoring`, with `users` int64, `indptr` int64, `movie` and `neighbours` uint16 (uint32
    from 65,537 movies), `weight` uint8 in steps of 1/200, `similarities` float32; `lengths` (int32) are
    minutes per movie. One call of `recommend` at a time.
    """

    name: str
    window: Window
    params: Params
    movies: tuple[str, ...]
    lengths: Array
    tables: Tables
    _scratch: Scratch = field(init=False, repr=False)

    def __post_init__(self) -> None:
        size = len(self.movies)
        object.__setattr__(self, "_scratch", Scratch(np.zeros(size, np.float32), np.empty(size, np.uint32)))

    @cached_property
    def numbers(self) -> Mapping[str, int]:
        """Movie id -> number."""
        return {movie: number for number, movie in enumerate(self.movies)}

    def knows(self, user: int) -> bool:
        """Whether the user was in the window."""
        return bool(row_of(self.tables.users, user) >= 0)

    def seen(self, user: int) -> set[str]:
        """The movies that the user saw in the window; empty for an unknown user."""
        movies = self.movies
        return {movies[at] for at in self._row(user)[0].tolist()}

    def row(self, user: int) -> dict[str, float]:
        """The movies that the user saw in the window and their weights; empty for an unknown user."""
        movie, weight = self._row(user)
        return {self.movies[m]: w / STEPS for m, w in zip(movie.tolist(), weight.tolist(), strict=True)}

    def _row(self, user: int) -> tuple[Array, Array]:
        at = row_of(self.tables.users, user)
        part = slice(self.tables.indptr[at], self.tables.indptr[at + 1]) if at >= 0 else slice(0)
        return self.tables.movie[part], self.tables.weight[part]

    def fresh(self, user: int, seen: Sequence[Seen]) -> dict[str, float]:
        """What of a user's history goes into the answer beside the model's own row: movie id -> weight.

        The weight is 0 for what was seen before the window, which is only kept out of the answer. Movies that
        the model does not know are left out.
        """
        if not seen:
            return {}
        row = self.seen(user)
        new = [one for one in seen if one.movie in self.numbers and one.movie not in row]
        old = {one.movie: 0.0 for one in new if one.last_time < self.window.start}
        return old | self._weights([one for one in new if one.movie not in old])

    def _weights(self, new: Sequence[Seen]) -> dict[str, float]:
        times = sorted(one.last_time for one in new)
        return {one.movie: self._weight(one, len(new) - bisect_right(times, one.last_time)) for one in new}

    def _weight(self, one: Seen, newer: int) -> float:
        """As `matrix.faded` and `matrix.strength` make it, without an array for each number."""
        length = int(self.lengths[self.numbers[one.movie]])
        share = 0.2 + 0.6 * min(one.minutes / length, 1.0) if one.rating is None else one.rating / 5.0
        steps = min(max(round(share * STEPS), 1), STEPS)
        return max(round(steps / (1.0 + newer / HALVING)), 1) / STEPS

    def recommend(self, user: int, fresh: Mapping[str, float], count: int = 20) -> Recommendation:
        """Up to `count` movies that are neither in the user's row nor in `fresh` (as `fresh` makes it).

        Depends on nothing but the model and the arguments. Where similar movies run out, popular ones follow.
        """
        row, chosen = row_of(self.tables.users, user), np.empty(count, np.int64)
        filled = best(self.tables, self._scratch, row, self._numbered(fresh), chosen)
        movies = self.movies
        rung = KNN if row >= 0 else _rung_without_row(fresh)
        return Recommendation(tuple([movies[at] for at in chosen[:filled].tolist()]), rung)

    def _numbered(self, fresh: Mapping[str, float]) -> tuple[Array, Array]:
        if not fresh:
            return _NOTHING
        known = {at: weight for movie, weight in fresh.items() if (at := self.numbers.get(movie, -1)) >= 0}
        return np.array(list(known), np.int64), np.array(list(known.values()), np.float32)

    def because(self, user: int, fresh: Mapping[str, float], movie: str) -> list[Contribution]:
        """What the user's history adds to a movie's score, the largest first; empty for a popular one."""
        wanted = self.numbers.get(movie, -1)
        parts = [
            Contribution(seen, w * self._similarity(seen, wanted))
            for seen, w in (self.row(user) | dict(fresh)).items()
        ]
        return sorted((part for part in parts if part.score > 0), key=lambda part: (-part.score, part.movie))

    def _similarity(self, seen: str, wanted: int) -> float:
        at = self.numbers.get(seen, -1)
        if at < 0:
            return 0.0
        return float(self.tables.similarities[at][self.tables.neighbours[at] == wanted].sum())


_NOTHING = (np.empty(0, np.int64), np.empty(0, np.float32))


def _rung_without_row(fresh: Mapping[str, float]) -> str:
    return RECENT if any(weight > 0 for weight in fresh.values()) else POPULAR


Nearest = Callable[[Array, Array, neighbours.Measure, int], tuple[Array, Array]]
"""Rows (`indptr`, and items as `neighbours.pack` makes them), measure, k -> as `neighbours.nearest`."""


def here(indptr: Array, items: Array, measure: neighbours.Measure, k: int) -> tuple[Array, Array]:
    """The nearest movies, found by all threads of this process."""
    matrix = neighbours.columns(indptr, items, measure.norm.size)
    return neighbours.nearest(matrix, measure, k, numba.get_num_threads())


def fit(
    interactions: Interactions, params: Params, name: str, window: Window, nearest: Nearest = here
) -> KnnModel:
    """Train a model of that name; the same input gives the same arrays wherever and on how many threads."""
    numbers, similarities = similar(interactions, params, nearest)
    tables = Tables(
        interactions.users,
        interactions.indptr,
        interactions.movie,
        interactions.weight,
        numbers.astype(interactions.movie.dtype),
        similarities,
    )
    return KnnModel(name, window, params, interactions.movies, interactions.lengths, tables)


def similar(interactions: Interactions, params: Params, nearest: Nearest = here) -> tuple[Array, Array]:
    """The most similar movies of each and their similarities: numbers (uint32) and float32, movies x k."""
    k = max(1, min(params.neighbours, len(interactions.movies) - 1))
    items, sums = _values(interactions, params)
    mean = sums.sum() / max(1, items.size)
    measure = neighbours.Measure(
        np.sqrt(sums.astype(np.float64)).astype(np.float32), np.float32(params.shrinkage * mean)
    )
    return nearest(interactions.indptr, items, measure, k)


def _values(interactions: Interactions, params: Params) -> tuple[Array, Array]:
    """Items as `neighbours.pack` makes them and the movies' sums of squares, as fine as 32-bit sums allow."""
    curve = (np.arange(STEPS + 1) / STEPS) ** params.liking
    users = np.diff(interactions.indptr).astype(np.float64) ** (-params.activity / 2)
    scale = 255.0 / max(users.max(initial=0.0), 1e-9)
    while True:
        items = neighbours.pack(
            interactions.indptr, interactions.movie, interactions.strength, users * scale, curve
        )
        sums = neighbours.squares(items, len(interactions.movies))
        if sums.max(initial=0) <= _MOST:
            return items, sums
        scale *= 0.95 * np.sqrt(_MOST / sums.max())
