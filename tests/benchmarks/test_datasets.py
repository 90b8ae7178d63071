"""The made interactions are what their page says of them."""

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from benchmarks.datasets import CLUSTERS, Made, Size, dataset, make, matrix, movie_ids
from benchmarks.stores import WINDOW, fill
from ml import snapshot
from store import open_store

SIZE = Size(3_000, 600, 60_000)


@pytest.fixture(scope="module")
def made() -> Made:
    return make(SIZE, seed=3)


def test_as_many_of_each_as_asked_for_and_no_pair_twice(made: Made) -> None:
    assert made.user.size == SIZE.interactions
    assert len(np.unique(made.user)) == SIZE.users
    assert made.movie.max() < SIZE.movies
    pairs = made.user.astype(np.int64) * SIZE.movies + made.movie
    assert (np.diff(pairs) > 0).all()


def test_the_same_seed_makes_the_same_and_another_one_does_not(made: Made) -> None:
    again, other = make(SIZE, seed=3), make(SIZE, seed=4)
    assert all(np.array_equal(a, b) for a, b in zip(made, again, strict=True))
    assert not np.array_equal(made.movie, other.movie)


def test_few_movies_have_most_of_the_interactions_and_few_users_too(made: Made) -> None:
    for numbers in (made.user, made.movie):
        counts = np.sort(np.bincount(numbers))[::-1]
        assert counts[: len(counts) // 5].sum() > 0.4 * counts.sum()
        assert counts[0] > 5 * np.median(counts)


def test_users_of_a_cluster_have_its_movies_more_often_and_like_them_more(made: Made) -> None:
    chance = np.random.default_rng(3)
    chance.lognormal(0.0, 1.2, SIZE.users)  # what `make` draws first
    taste = chance.integers(CLUSTERS, size=SIZE.users)
    cluster = chance.integers(CLUSTERS, size=SIZE.movies)
    own = taste[made.user] == cluster[made.movie]
    assert own.mean() > 0.3  # by chance alone 0.04
    assert made.stars[own].mean() > made.stars[~own].mean() + 0.8


def test_every_interaction_is_a_viewing_or_a_rating(made: Made) -> None:
    assert ((made.minutes > 0) | made.rated).all()
    assert 0.02 < (made.minutes == 0).mean() < 0.08
    assert 0.1 < made.rated.mean() < 0.2


def test_more_movies_than_a_cluster_holds_are_taken_from_elsewhere() -> None:
    greedy = make(Size(10, 400, 1_000), seed=1)
    assert np.bincount(greedy.user).sum() == 1_000


def test_what_was_made_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.datasets.SIZES", {"S": Size(50, 40, 300)})
    first = dataset("S", folder=tmp_path)
    monkeypatch.setattr("benchmarks.datasets.make", None)
    second = dataset("S", folder=tmp_path)
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_the_matrix_holds_the_stars_with_popular_movies_first(made: Made) -> None:
    data, ids = matrix(made), movie_ids(SIZE.movies)
    assert (np.diff(np.bincount(data.movie)) <= 0).all()
    stars = {
        (int(user), ids[movie]): star
        for user, movie, star in zip(made.user, made.movie, made.stars, strict=True)
    }
    row = np.repeat(np.arange(len(data.users)), np.diff(data.indptr))
    for at in range(0, data.movie.size, 97):
        assert data.strength[at] == 40 * stars[int(data.users[row[at]]), data.movies[data.movie[at]]]


def test_a_filled_store_tells_of_every_interaction(made: Made, tmp_path: Path) -> None:
    with closing(open_store(f"sqlite://{tmp_path}/made.db")) as store:
        fill(store, made)
        table = snapshot.take(store, WINDOW)
    assert len(table) == SIZE.interactions
    assert table["minutes"].sum() == made.minutes.sum(dtype=np.int64)
    assert table["rating"].notna().sum() == made.rated.sum()
    assert table["rating"].sum() == made.stars[made.rated].sum()
