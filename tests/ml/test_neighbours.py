"""The loops of training against dense products."""

import numpy as np
import pytest

from ml.kernels import neighbours
from ml.knn import Params, similar
from ml.matrix import STEPS, Interactions
from tests.ml.worlds import dense, matrix, ratings, tastes

PLAIN = Params(neighbours=100, activity=0, liking=1, shrinkage=0)


def _kernel(data: Interactions, values: np.ndarray, shrinkage: float, k: int, threads: int) -> tuple:
    items = (data.movie.astype(np.uint32) << 8) | values.astype(np.uint32)
    norm = np.sqrt(neighbours.squares(items, len(data.movies))).astype(np.float32)
    columns = neighbours.columns(data.indptr, items, len(data.movies))
    return neighbours.nearest(columns, neighbours.Measure(norm, np.float32(shrinkage)), k, threads)


def _oracle(data: Interactions, values: np.ndarray, shrinkage: float, k: int) -> tuple:
    """Numbers and similarities by a dense product, equal similarities by number."""
    full = dense(data, values)
    dots = (full.T @ full).astype(np.float32)
    norm = np.sqrt(np.diag(full.T @ full)).astype(np.float32)
    similarity = dots / (norm[:, None] * norm + np.float32(shrinkage))
    np.fill_diagonal(similarity, 0)
    numbers = np.argsort(-similarity, axis=1, kind="stable")[:, :k]
    best = np.take_along_axis(similarity, numbers, axis=1)
    return np.where(best > 0, numbers, 0), best


@pytest.mark.parametrize(
    ("users", "movies", "k"), [(40, 35, 5), (300, 200, 10), (200, 333, 300), (600, 900, 4), (1, 30, 3)]
)
def test_neighbours_are_those_of_a_dense_product_ties_by_number(users: int, movies: int, k: int) -> None:
    data = matrix(tastes(users, movies))
    values = data.strength // 8 + 1
    k = min(k, len(data.movies) - 1)
    numbers, similarities = _kernel(data, values, 3.0, k, 2)
    expected, best = _oracle(data, values, 3.0, k)
    assert np.array_equal(similarities, best)
    assert np.array_equal(numbers, expected)


def test_many_equal_similarities_are_ordered_by_number() -> None:
    rows = [(user, f"m{movie:03}", 0, 5.0) for user in range(4) for movie in range(150)]
    data = matrix(ratings(rows))
    numbers, similarities = _kernel(data, data.strength, 0.0, 7, 3)
    assert (similarities == 1).all()
    assert numbers[0].tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert numbers[149].tolist() == [0, 1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("threads", [2, 3, 7])
def test_the_number_of_shares_does_not_change_a_bit(threads: int) -> None:
    data = matrix(tastes(500, 700))
    one, many = (_kernel(data, data.strength, 2.0, 10, count) for count in (1, threads))
    assert all(a.tobytes() == b.tobytes() for a, b in zip(one, many, strict=True))


@pytest.mark.parametrize("params", [Params(), Params(activity=0.3, liking=1, shrinkage=10), PLAIN])
def test_whole_numbers_come_close_to_the_formula(params: Params) -> None:
    data = matrix(tastes(300, 100))
    numbers, similarities = similar(data, params)
    counts = np.diff(data.indptr)
    values = dense(data, (data.strength / STEPS) ** params.liking) * counts[:, None] ** (-params.activity / 2)
    gram = values.T @ values
    mean = (values**2).sum() / counts.sum()
    formula = gram / (np.sqrt(np.outer(gram.diagonal(), gram.diagonal())) + params.shrinkage * mean)
    found = np.take_along_axis(formula, numbers.astype(int), axis=1)
    assert np.abs(np.where(similarities > 0, found - similarities, 0)).max() < 0.01


def test_a_movie_of_very_many_users_does_not_overflow() -> None:
    users = 70_000
    data = Interactions(
        users=np.arange(users),
        movies=("a", "b", "c"),
        indptr=np.arange(users + 1) * 2,
        movie=np.tile(np.array([0, 1], np.uint16), users),
        strength=np.full(2 * users, STEPS, np.uint8),
        weight=np.full(2 * users, STEPS, np.uint8),
        lengths=np.full(3, 90, np.int32),
    )
    numbers, similarities = similar(data, PLAIN)
    assert numbers[:2, 0].tolist() == [1, 0]
    assert np.allclose(similarities[:, 0], [1, 1, 0])


def test_more_movies_than_16_bits_can_number() -> None:
    movies = 66_000
    data = Interactions(
        users=np.arange(2),
        movies=tuple(map(str, range(movies))),
        indptr=np.array([0, 2, 4]),
        movie=np.array([0, movies - 1, 5, movies - 2], np.uint32),
        strength=np.full(4, STEPS, np.uint8),
        weight=np.full(4, STEPS, np.uint8),
        lengths=np.full(movies, 90, np.int32),
    )
    numbers, similarities = similar(data, Params(neighbours=2, shrinkage=0))
    assert numbers[[0, movies - 1, 5], 0].tolist() == [movies - 1, 0, movies - 2]
    assert np.count_nonzero(similarities) == 4
