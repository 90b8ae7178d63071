"""Who the users are, what there is to watch, and what each user would think of each movie."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Places = NDArray[np.int64]


@dataclass(frozen=True)
class Audience:
    """Users and movies are known by their places in `users` and `movies`, counted from 0.

    users: their ids. movies: ids such as `the+lost+galaxy+1994`. lengths: minutes of each movie. popularity
    and activity: shares of all viewings that fall to a movie, of all visits that a user makes; each sums
    to 1. tastes (users, kinds) and kinds (movies, kinds): their product, with kindness (users,) and quality
    (movies,) added, is the log-odds of enjoyment. seen: movies that a user had seen before, by place.
    """

    users: NDArray[np.int64]
    movies: tuple[str, ...]
    lengths: NDArray[np.int64]
    popularity: Floats
    activity: Floats
    tastes: Floats
    kinds: Floats
    kindness: Floats
    quality: Floats
    seen: Mapping[int, frozenset[int]] = field(default_factory=dict)

    def enjoyment(self, user: ArrayLike, movie: ArrayLike) -> Floats:
        """The truth about taste, 0 to 1: of users at these places and movies at these, which broadcast."""
        user, movie = np.asarray(user), np.asarray(movie)
        agreement = np.einsum("...k,...k->...", self.tastes[user], self.kinds[movie])
        return np.asarray(1 / (1 + np.exp(-(agreement + self.kindness[user] + self.quality[movie]))))

    def visitors(self, count: int, rng: Generator) -> Places:
        """Who comes next, in proportion to activity."""
        return _drawn(self._activity_sums, count, rng)

    def noticed(self, shape: tuple[int, ...], rng: Generator) -> Places:
        """Movies that come to someone's notice, in proportion to popularity."""
        return _drawn(self._popularity_sums, shape, rng)

    def found(self, ids: Sequence[str]) -> Places:
        """Places of movies, -1 for unknown ids."""
        return np.array([self._places.get(movie, -1) for movie in ids], dtype=np.int64)

    @cached_property
    def _places(self) -> Mapping[str, int]:
        return {movie: place for place, movie in enumerate(self.movies)}

    @cached_property
    def _activity_sums(self) -> Floats:
        return _sums(self.activity)

    @cached_property
    def _popularity_sums(self) -> Floats:
        return _sums(self.popularity)


def _sums(shares: Floats) -> Floats:
    sums = np.cumsum(shares)
    return np.asarray(sums / sums[-1])


def _drawn(sums: Floats, shape: int | tuple[int, ...], rng: Generator) -> Places:
    return np.searchsorted(sums, rng.random(shape), side="right")
