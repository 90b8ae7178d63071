"""One way to score users measured in a process of its own. Needs NumPy and SciPy, and what it measures."""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

os.environ["OMP_NUM_THREADS"] = "1"

Array = npt.NDArray[Any]
HISTORY, COUNT = 20, 20
_USERS, _CHECKED, _ROUNDS = 2_000, 200, 3


class Arrays(NamedTuple):
    """A model's, as `ml.kernels.scoring.Tables` has them."""

    users: Array
    indptr: Array
    movie: Array
    weight: Array
    neighbours: Array
    similarities: Array


Way = Callable[[int], Array]
"""A row -> its best unseen movies, best first."""


def numpy(arrays: Arrays) -> Way:
    """One bincount over the neighbours of the history."""
    return lambda row: _best(_scores(arrays, row))


def scipy(arrays: Arrays) -> Way:
    """The row times the matrix of similarities."""
    from scipy.sparse import csr_array

    similar, shape = _similar(arrays), (1, len(arrays.neighbours))

    def score(row: int) -> Array:
        seen, weight = _row(arrays, row)
        scores = (csr_array((weight, seen, [0, seen.size]), shape) @ similar).toarray().ravel()
        scores[seen] = 0
        return _best(scores)

    return score


def implicit(arrays: Arrays) -> Way:
    """ItemItemRecommender on these similarities, its `recommend` with the user's row at hand."""
    from implicit.nearest_neighbours import ItemItemRecommender, NearestNeighboursScorer
    from scipy.sparse import csr_matrix

    model, shape = ItemItemRecommender(), (1, len(arrays.neighbours))
    model.similarity = csr_matrix(_similar(arrays)).astype(np.float64)
    model.scorer = NearestNeighboursScorer(model.similarity)
    rows = {
        row: csr_matrix((w, m, [0, m.size]), shape) for row in _chosen(arrays) for m, w in [_row(arrays, row)]
    }
    return lambda row: model.recommend(row, rows[row], COUNT)[0]


def ours(arrays: Arrays) -> Way:
    """The compiled loops that serve, from the user's id."""
    from ml.kernels.scoring import Scratch, Tables, best, row_of

    tables, size = Tables(*arrays), len(arrays.neighbours)
    scratch = Scratch(np.zeros(size, np.float32), np.empty(size, np.uint32))
    nothing, users = (np.empty(0, np.int64), np.empty(0, np.float32)), arrays.users.tolist()

    def score(row: int) -> Array:
        chosen = np.empty(COUNT, np.int64)
        return chosen[: best(tables, scratch, row_of(tables.users, users[row]), nothing, chosen)]

    return score


WAYS = {"ours": ours, "numpy": numpy, "scipy": scipy, "implicit": implicit}


def _row(arrays: Arrays, row: int) -> tuple[Array, Array]:
    part = slice(arrays.indptr[row], arrays.indptr[row + 1])
    return arrays.movie[part].astype(np.int64), arrays.weight[part] / np.float32(200)


def _scores(arrays: Arrays, row: int) -> Array:
    """Of all movies, 0 for those seen."""
    seen, weight = _row(arrays, row)
    parts = weight[:, None] * arrays.similarities[seen]
    scores = np.bincount(arrays.neighbours[seen].ravel(), parts.ravel(), len(arrays.neighbours))
    scores[seen] = 0
    return scores


def _best(scores: Array) -> Array:
    some = np.argpartition(-scores, COUNT)[:COUNT]
    return some[np.lexsort((some, -scores[some]))]


def _similar(arrays: Arrays) -> Any:
    from scipy.sparse import csr_array

    movies, k = arrays.neighbours.shape
    places = arrays.neighbours.astype(np.int32).ravel()
    return csr_array((arrays.similarities.ravel(), places, np.arange(0, movies * k + 1, k)), (movies, movies))


def _chosen(arrays: Arrays) -> list[int]:
    """Rows of so many movies, spread over all users."""
    rows = np.flatnonzero(np.diff(arrays.indptr) == HISTORY)
    chance = np.random.default_rng(1)
    return [int(row) for row in chance.choice(rows, min(_USERS, rows.size), replace=False)]


def main(name: str, folder: str) -> None:
    """Print the microseconds of CPU a user, and the scores of the first users for comparison."""
    arrays = Arrays(*(np.load(Path(folder) / f"{field}.npy") for field in Arrays._fields))
    score, rows = WAYS[name](arrays), _chosen(arrays)
    scores = [_scores(arrays, row)[score(row)].round(3).tolist() for row in rows[:_CHECKED]]
    times = []
    for _ in range(_ROUNDS):
        before = time.process_time()
        for row in rows:
            score(row)
        times.append((time.process_time() - before) / len(rows) * 1e6)
    print(json.dumps({"micros": min(times), "scores": scores}))


if __name__ == "__main__":
    main(*sys.argv[1:])
