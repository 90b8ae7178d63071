"""Interactions made by a seed, in three sizes: popularity by Zipf, log-normal activity, latent clusters.

They are kept under `build/`, so that every benchmark reads the same ones. `python -m benchmarks.datasets`
makes all three.
"""

import shutil
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numpy.random import Generator

from ml.matrix import STEPS, Interactions

Array = npt.NDArray[Any]

FOLDER = Path("build/benchmarks")
VERSION = 1
"""Changes with anything that makes other interactions of the same seed."""

CLUSTERS = 24
_LOYAL = 0.6  # of a user's choices lie in its own cluster
_SPREAD = 1.2  # sigma of the log of a user's number of movies
_ZIPF, _FLAT = 0.9, 20.0  # popularity is (rank + flat)^-zipf
_LARGEST_SHARE = 0.25  # of all movies, the most that one user has


class Size(NamedTuple):
    """How many of each."""

    users: int
    movies: int
    interactions: int


SIZES = {
    "S": Size(6_000, 3_700, 1_000_000),
    "M": Size(100_000, 27_000, 5_000_000),
    "L": Size(1_000_000, 27_000, 15_000_000),
}


class Made(NamedTuple):
    """Interactions by user, then movie, each pair once; users and movies are numbers from 0.

    `user`, `movie` (int32); `stars` (uint8, 1 to 5) is how much the user liked it; `minutes` (uint8) seen of
    it, 0 for one interaction in twenty, which is a rating alone; `rated` (bool) whether the stars were given,
    in one of seven; `second` (int32) of the five days.
    """

    user: Array
    movie: Array
    stars: Array
    minutes: Array
    rated: Array
    second: Array


SECONDS = 5 * 86_400


def dataset(name: str, seed: int = 1, folder: Path = FOLDER) -> Made:
    """The interactions of a size (S, M or L), made where they are not there yet."""
    place = folder / f"{name}-{seed}-v{VERSION}"
    if not place.exists():
        _keep(make(SIZES[name], seed), place)
    return Made(*(np.load(place / f"{field}.npy", mmap_mode="r") for field in Made._fields))


def _keep(made: Made, place: Path) -> None:
    fresh = place.with_suffix(".new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    for field, values in made._asdict().items():
        np.save(fresh / f"{field}.npy", values)
    fresh.rename(place)


def make(size: Size, seed: int) -> Made:
    """Exactly `size.interactions` of them; every user has at least one."""
    chance = np.random.default_rng(seed)
    wanted = _activity(size, chance)
    taste = chance.integers(CLUSTERS, size=size.users)
    cluster = chance.integers(CLUSTERS, size=size.movies)
    user, movie = np.divmod(_pairs(wanted, taste, cluster, chance), size.movies)
    return _told(user.astype(np.int32), movie.astype(np.int32), taste[user] == cluster[movie], chance)


def _activity(size: Size, chance: Generator) -> Array:
    """Movies per user (int64), which add up to the interactions."""
    most = int(size.movies * _LARGEST_SHARE)
    share = chance.lognormal(0.0, _SPREAD, size.users)
    low, high = 0.0, float(size.interactions)
    for _ in range(100):  # the factor at which the sum, with its limits, is right
        middle = (low + high) / 2
        enough = np.clip(share * middle, 1, most).sum() >= size.interactions
        low, high = (low, middle) if enough else (middle, high)
    exact = np.clip(share * high, 1, most)
    wanted = np.floor(exact).astype(np.int64)
    rest = size.interactions - int(wanted.sum())
    wanted[np.argsort(wanted - exact, kind="stable")[:rest]] += 1
    return wanted


def _pairs(wanted: Array, taste: Array, cluster: Array, chance: Generator) -> Array:
    """Distinct `user * movies + movie`, ascending, `wanted[user]` of each user."""
    movies, missing = cluster.size, wanted.copy()
    found = np.empty(0, np.int64)
    choose = _Choice(cluster)
    for attempt in range(60):
        user = np.repeat(np.arange(wanted.size), missing * (1 + attempt))
        more = user * movies + choose(taste[user], chance)
        found = _without_surplus(np.concatenate([found, more]), wanted, movies)
        missing = wanted - np.bincount(found // movies, minlength=wanted.size)
        if not missing.any():
            return np.sort(found)
    raise ValueError("a user wants more movies than its cluster and chance bring")


def _without_surplus(pairs: Array, wanted: Array, movies: int) -> Array:
    """Each pair once, and of each user the first `wanted`."""
    pairs = pairs[np.sort(np.unique(pairs, return_index=True)[1])]
    by_user = pairs[np.argsort(pairs // movies, kind="stable")]
    user = by_user // movies
    place = np.arange(user.size) - np.searchsorted(user, np.arange(wanted.size))[user]
    kept: Array = by_user[place < wanted[user]]
    return kept


class _Choice:
    """Draws movies by popularity, of the user's own cluster or of all."""

    def __init__(self, cluster: Array) -> None:
        popularity = (np.arange(cluster.size) + _FLAT) ** -_ZIPF
        self._order = np.argsort(cluster, kind="stable")
        self._ends = np.cumsum(popularity[self._order])
        self._edges = np.r_[0.0, self._ends][np.searchsorted(cluster[self._order], np.arange(CLUSTERS + 1))]

    def __call__(self, taste: Array, chance: Generator) -> Array:
        loyal = chance.random(taste.size) < _LOYAL
        low = np.where(loyal, self._edges[taste], 0.0)
        high = np.where(loyal, self._edges[taste + 1], self._ends[-1])
        place = np.searchsorted(self._ends, low + chance.random(taste.size) * (high - low), side="right")
        drawn: Array = self._order[np.minimum(place, self._order.size - 1)]
        return drawn


def _told(user: Array, movie: Array, liked: Array, chance: Generator) -> Made:
    stars = np.clip(np.rint(chance.normal(3.0 + 1.2 * liked, 0.9)), 1, 5).astype(np.uint8)
    only_rated = chance.random(user.size) < 0.05
    minutes = np.clip(chance.normal(20 * stars.astype(np.float32), 12), 1, 150).astype(np.uint8)
    rated = only_rated | (chance.random(user.size) < 0.1)
    second = chance.integers(SECONDS, size=user.size, dtype=np.int32)
    return Made(user, movie, stars, np.where(only_rated, 0, minutes).astype(np.uint8), rated, second)


def movie_ids(movies: int) -> list[str]:
    """Ids as the log has them, by the movies' numbers."""
    return [f"made+up+{number}+{1950 + number % 73}" for number in range(movies)]


def matrix(made: Made) -> Interactions:
    """The matrix of the stars alone, without what fades."""
    ids = movie_ids(int(made.movie.max()) + 1)
    counts = np.bincount(made.movie)
    order = np.array(sorted(range(len(ids)), key=lambda at: (-counts[at], ids[at])))
    place = np.empty(len(ids), np.uint16 if len(ids) <= 2**16 else np.uint32)
    place[order] = np.arange(len(ids))
    column: Array = place[made.movie]
    row: Array = made.user.astype(np.int64)
    by_row = np.argsort(row * len(ids) + column)
    users, indptr = np.unique(made.user, return_index=True)
    strength = (made.stars[by_row] * (STEPS // 5)).astype(np.uint8)
    return Interactions(
        users=users.astype(np.int64),
        movies=tuple(ids[at] for at in order),
        indptr=np.append(indptr, made.user.size),
        movie=column[by_row],
        strength=strength,
        weight=strength,
        lengths=np.full(len(ids), 90, np.int32),
    )


def main() -> None:
    """Make what is not there and say what there is."""
    for name in SIZES:
        made = dataset(name)
        counts = np.bincount(made.user)
        print(
            f"{name}: {made.user.size} interactions of {counts.size} users, {made.movie.max() + 1} movies, "
            f"the squares of users' numbers add up to {np.sum(counts**2) / 1e9:.2f} G"
        )


if __name__ == "__main__":
    main()
