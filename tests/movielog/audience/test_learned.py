"""An audience learned from ratings has the tastes that the ratings show."""

import numpy as np
import pandas as pd
import pytest

from movielog.audience.behaviour import respond
from movielog.audience.learned import learned
from movielog.audience.model import Audience
from movielog.movielens import MovieLens


def _data(user: list[int], movie: list[int], stars: list[float], movies: int) -> MovieLens:
    ratings = pd.DataFrame({"user": user, "movie": movie, "time": np.arange(len(user)), "stars": stars})
    return MovieLens(tuple(f"m{i}" for i in range(movies)), np.full(movies, 90), ratings)


@pytest.fixture(scope="module")
def two_camps() -> MovieLens:
    """Users 100 to 139 mostly rate movies 0 to 24, users 140 to 179 movies 25 to 49."""
    rng = np.random.default_rng(0)
    rated = rng.random((80, 50)) < np.where((np.arange(80)[:, None] < 40) == (np.arange(50) < 25), 0.5, 0.05)
    user, movie = np.nonzero(rated)
    return _data(
        (user + 100).tolist(), movie.tolist(), rng.integers(2, 6, len(user)).astype(float).tolist(), 50
    )


@pytest.fixture(scope="module")
def audience(two_camps: MovieLens) -> Audience:
    return learned(two_camps)


def test_its_users_and_movies_are_those_of_the_data(audience: Audience, two_camps: MovieLens) -> None:
    assert audience.users.tolist() == list(range(100, 180))
    assert audience.movies == two_camps.movies
    assert audience.seen[3] == set(two_camps.ratings[two_camps.ratings["user"] == 103]["movie"])


def test_users_enjoy_what_users_like_them_rated(audience: Audience) -> None:
    table = audience.enjoyment(np.arange(80)[:, None], np.arange(50))
    own = np.concatenate([table[:40, :25].ravel(), table[40:, 25:].ravel()])
    other = np.concatenate([table[40:, :25].ravel(), table[:40, 25:].ravel()])
    assert own.mean() > other.mean() + 0.3


def test_what_is_rated_better_is_enjoyed_more() -> None:
    data = _data([1, 2, 3, 4] * 2, [0] * 4 + [1] * 4, [5, 5, 4, 5, 1, 2, 1, 1], 2)
    enjoyment = learned(data).enjoyment(0, [0, 1])
    assert enjoyment[0] > enjoyment[1] + 0.2


def test_the_same_data_make_the_same_audience(audience: Audience, two_camps: MovieLens) -> None:
    assert np.array_equal(audience.tastes, learned(two_camps).tastes)


def test_one_rating_is_enough_for_an_audience() -> None:
    lonely = learned(_data([5], [0], [4.0], 2))
    assert respond(lonely, 0, ["m1"], np.random.default_rng(0), seen=lonely.seen[0]).movie == 1
