"""Blocks worked at one by one give what one machine gives."""

import numpy as np
import pytest

from ml.engines import blocks
from ml.kernels import neighbours
from ml.kernels.neighbours import Measure
from ml.matrix import Interactions
from tests.ml.worlds import dense, matrix, ratings, tastes

K = 6


@pytest.fixture(scope="module")
def data() -> Interactions:
    return matrix(tastes(300, 120))


@pytest.fixture(scope="module")
def items(data: Interactions) -> np.ndarray:
    return (data.movie.astype(np.uint32) << 8) | data.strength


def _measure(items: np.ndarray, movies: int) -> Measure:
    norm = np.sqrt(neighbours.squares(items, movies)).astype(np.float32)
    return Measure(norm, np.float32(50))


@pytest.mark.parametrize(("count", "parts"), [(1, 1), (3, 4), (17, 5), (500, 300)])
def test_the_keys_of_all_blocks_together_are_those_of_the_whole(
    data: Interactions, items: np.ndarray, count: int, parts: int
) -> None:
    movies, found = len(data.movies), []
    measure = _measure(items, movies)
    chunks = list(blocks.chunks(data.indptr, items, parts))
    for block in blocks.blocks(data.indptr, items, movies, count):
        found.append(blocks.best_of([blocks.needed(rows, block) for rows in chunks], block, measure, K))
    whole = neighbours.best_keys(neighbours.columns(data.indptr, items, movies), measure, K, 2, range(movies))
    assert np.array_equal(blocks.merged(found, range(movies), K), whole)


def test_blocks_cover_all_movies_once_and_share_the_work(data: Interactions, items: np.ndarray) -> None:
    cut = blocks.blocks(data.indptr, items, len(data.movies), 4)
    assert [movie for block in cut for movie in block] == list(range(len(data.movies)))
    pairs = np.triu((dense(data, np.ones(len(items))).T @ dense(data, np.ones(len(items)))), 1).sum(axis=0)
    work = [pairs[block.start : block.stop].sum() for block in cut]
    assert max(work) < 1.5 * min(work)


def test_no_more_blocks_than_movies_and_none_that_is_empty() -> None:
    few = matrix(ratings([(1, "a", 0, 5.0), (1, "b", 0, 3.0), (2, "a", 0, 4.0)]))
    packed = (few.movie.astype(np.uint32) << 8) | few.strength
    cut = blocks.blocks(few.indptr, packed, 2, 10)
    assert sum(map(len, cut)) == 2
    assert all(map(len, cut))


def test_chunks_are_all_rows_in_order(data: Interactions, items: np.ndarray) -> None:
    parts = list(blocks.chunks(data.indptr, items, 7))
    assert np.array_equal(np.concatenate([part.items for part in parts]), items)
    assert np.concatenate([part.lengths for part in parts]).tolist() == np.diff(data.indptr).tolist()


def test_a_block_is_sent_only_rows_with_a_pair_of_its_own() -> None:
    rows = blocks.Rows(np.array([1, 2, 3], np.uint32), np.array([5, 0, 1, 1, 5, 9], np.uint32) << 8)
    need = blocks.needed(rows, range(4, 8))
    assert need.lengths.tolist() == [2]
    assert (need.items >> 8).tolist() == [1, 5]
    assert blocks.needed(rows, range(20, 30)).lengths.size == 0
