"""An audience with the tastes of real users, learned from their ratings."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array
from scipy.sparse.linalg import svds

from movielog.audience.model import Audience, Floats, Places
from movielog.movielens import MovieLens

KINDS = 16
"""Dimensions of taste, where there are so many users and movies."""
SHRINKAGE = 5.0
"""A mean of n ratings counts n / (n + 5)."""

RARE = 20.0
"""Stars that a movie must have got, all together, to count half as a movie of its kinds."""

AFFINITY = 3.0
"""Log-odds of enjoyment per standard deviation of a user's affinity for movies."""

_LOG_ODDS_PER_STAR = 0.9
_INDIFFERENT = 3.5


def learned(data: MovieLens) -> Audience:
    """The users and movies of the data.

    A user's log-odds of enjoying a movie rise by 0.9 per star that mean, user and movie lead to expect, and
    by `AFFINITY` per standard deviation of the affinity between the two (`_affinity`).
    """
    users, user = np.unique(data.ratings["user"].to_numpy(), return_inverse=True)
    movie, stars = data.ratings["movie"].to_numpy(), data.ratings["stars"].to_numpy()
    of_movie = _deviation(stars - stars.mean(), movie, len(data.movies))
    of_user = _deviation(stars - stars.mean() - of_movie[movie], user, len(users))
    tastes, kinds = _affinity(csr_array((stars, (user, movie)), shape=(len(users), len(data.movies))))
    return Audience(
        users=users,
        movies=data.movies,
        lengths=data.lengths,
        popularity=_shares(np.bincount(movie, minlength=len(data.movies)) + 0.1),
        activity=_shares(np.bincount(user) ** 0.5),
        tastes=AFFINITY * tastes,
        kinds=kinds,
        kindness=_LOG_ODDS_PER_STAR * (stars.mean() - _INDIFFERENT + of_user),
        quality=_LOG_ODDS_PER_STAR * of_movie,
        seen={who: frozenset(movie[user == who].tolist()) for who in range(len(users))},
    )


def _deviation(difference: Floats, group: Places, groups: int) -> Floats:
    """Mean of each group's rows, shrunk towards 0."""
    total = np.bincount(group, difference, groups)
    return np.asarray(total / (np.bincount(group, minlength=groups) + SHRINKAGE))


def _affinity(stars: csr_array) -> tuple[Floats, Floats]:
    """Tastes and kinds whose products have standard deviation 1 over all users and movies.

    They are the truncated SVD of the ratings, each divided by the roots of its user's and its movie's sums:
    correspondence analysis, in which the first dimension is popularity and is left out. Movies with few
    ratings are shrunk towards none of the kinds.
    """
    of_users, of_movies = stars.sum(axis=1), np.maximum(stars.sum(axis=0), 1.0)
    dimensions = min(KINDS + 1, min(stars.shape) - 1)
    if dimensions < 2:
        return np.zeros((stars.shape[0], 1)), np.zeros((stars.shape[1], 1))
    scaled = diags_array(of_users**-0.5) @ stars @ diags_array(of_movies**-0.5)
    left, sizes, right = svds(scaled, dimensions, v0=np.ones(min(stars.shape)))
    tastes = (left * sizes / np.sqrt(of_users)[:, None])[:, :-1]
    kinds = (right.T / np.sqrt(of_movies + RARE)[:, None])[:, :-1]
    return tastes / _deviation_of_products(tastes, kinds), kinds


def _deviation_of_products(tastes: Floats, kinds: Floats) -> float:
    """Standard deviation of tastes @ kinds.T, without making it."""
    mean = tastes.mean(axis=0) @ kinds.mean(axis=0)
    square = np.einsum("ij,ij->", tastes.T @ tastes, kinds.T @ kinds) / (len(tastes) * len(kinds))
    return float(np.sqrt(square - mean**2))


def _shares(weights: NDArray[np.floating]) -> Floats:
    return np.asarray(weights / weights.sum())
