"""Other libraries' nearest neighbours of movies by the cosine of their stars.

`python -m benchmarks.training.peers NAME FOLDER K OUT` measures one. Each is given the form of the data that
it likes best before the clock runs, and keeps one neighbour more where it counts a movie among its own.
"""

import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp

from benchmarks.training.measuring import (
    WARM_USERS,
    Matrix,
    Neighbours,
    finish,
    measured,
    of_sparse,
    read,
)

_THREADS = 2
_BLOCK = 512


class Peer(NamedTuple):
    """`prepared` data -> `fit` -> `neighbours`, of which only the fit is timed."""

    prepared: Callable[[Matrix], Any]
    fit: Callable[[Any, int], Any]
    neighbours: Callable[[Any, int], Neighbours]


def users_by_movies(data: Matrix) -> sp.csr_matrix:
    """Stars as float32 in SciPy's own form."""
    shape = (data.indptr.size - 1, int(data.movie.max()) + 1)
    return sp.csr_matrix(
        (data.stars.astype(np.float32), data.movie.astype(np.int32), data.indptr.astype(np.int32)), shape
    )


def _unit(movies: sp.csr_matrix) -> sp.csr_matrix:
    """Rows of length 1."""
    norms = np.sqrt(np.asarray(movies.multiply(movies).sum(axis=1)).ravel())
    return sp.diags_array(1 / np.maximum(norms, 1e-12).astype(np.float32), format="csr") @ movies


def _implicit(stars: sp.csr_matrix, k: int) -> Any:
    model = import_module("implicit.nearest_neighbours").CosineRecommender(K=k + 1, num_threads=_THREADS)
    model.fit(stars, show_progress=False)
    return model.similarity


def _sparse_dot_topn(stars: sp.csr_matrix, k: int) -> Any:
    movies = sp.csr_matrix(_unit(stars.T.tocsr()))
    product = import_module("sparse_dot_topn").sp_matmul_topn
    return product(movies, sp.csr_matrix(movies.T.tocsr()), top_n=k + 1, n_threads=_THREADS)


def _similaripy(stars: sp.csr_matrix, k: int) -> Any:
    cosine = import_module("similaripy").cosine
    return cosine(stars.T.tocsr(), k=k + 1, verbose=False, format_output="csr", num_threads=_THREADS)


def _scikit_learn(stars: sp.csr_matrix, k: int) -> Any:
    movies = stars.T.tocsr()
    nearest = import_module("sklearn.neighbors").NearestNeighbors(
        n_neighbors=k + 1, metric="cosine", algorithm="brute", n_jobs=_THREADS
    )
    return nearest.fit(movies).kneighbors(movies)


def _without_itself(found: Any, k: int) -> Neighbours:
    distances, numbers = found
    own = numbers == np.arange(len(numbers))[:, None]
    own[~own.any(axis=1), -1] = True  # among equals it may be missing
    similarities = (1 - distances)[~own].reshape(-1, k).astype(np.float32)
    similar = similarities > 1e-6
    return np.where(similar, numbers[~own].reshape(-1, k), -1), np.where(similar, similarities, 0)


def _scipy_blocks(stars: sp.csr_matrix, k: int) -> Neighbours:
    movies = sp.csr_matrix(_unit(stars.T.tocsr()))
    turned = movies.T.tocsr()
    starts = range(0, movies.shape[0], _BLOCK)
    parts = [_best((movies[at : at + _BLOCK] @ turned).toarray(), at, k) for at in starts]
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def _best(block: Any, first: int, k: int) -> Neighbours:
    block[np.arange(len(block)), np.arange(first, first + len(block))] = 0
    numbers = np.argpartition(-block, k, axis=1)[:, :k]
    best = np.take_along_axis(block, numbers, axis=1)
    order = np.argsort(-best, axis=1, kind="stable")
    best, numbers = np.take_along_axis(best, order, axis=1), np.take_along_axis(numbers, order, axis=1)
    return np.where(best > 0, numbers, -1), best


def _lenskit_data(data: Matrix) -> Any:
    pandas = import_module("pandas")
    counts = data.indptr[1:] - data.indptr[:-1]
    users = np.repeat(np.arange(counts.size), counts)
    frame = pandas.DataFrame({"user_id": users, "item_id": data.movie, "rating": data.stars})
    return import_module("lenskit.data").from_interactions_df(frame)


def _lenskit(data: Any, k: int) -> Any:
    knn = import_module("lenskit.knn")

    class Uncentred(knn.ItemKNNScorer):  # type: ignore[misc, name-defined]
        """Ratings as they are: LensKit takes each movie's mean off, which the others do not."""

        def _center_ratings(self, _log: Any, _timer: Any, rmat: Any) -> tuple[Any, Any]:
            return rmat, np.zeros(rmat.shape[1], np.float32)

    scorer = Uncentred(feedback="explicit", save_nbrs=k, max_nbrs=k)
    scorer.train(data)
    return scorer


def _of_lenskit(scorer: Any, k: int) -> Neighbours:
    rows = scorer.sim_matrix.to_scipy()
    place = np.argsort(scorer.items.ids())
    size = len(place)
    numbers, similarities = of_sparse(sp.csr_matrix(rows), k)
    ids = np.asarray(scorer.items.ids())
    named = np.where(numbers >= 0, ids[numbers], -1)
    return named[place].reshape(size, k), similarities[place]


def _given(found: Any, _k: int) -> Neighbours:
    numbers, similarities = found
    return numbers, similarities


PEERS = {
    "implicit": Peer(users_by_movies, _implicit, of_sparse),
    "sparse_dot_topn": Peer(users_by_movies, _sparse_dot_topn, of_sparse),
    "similaripy": Peer(users_by_movies, _similaripy, of_sparse),
    "LensKit": Peer(_lenskit_data, _lenskit, _of_lenskit),
    "scikit-learn": Peer(users_by_movies, _scikit_learn, _without_itself),
    "scipy in blocks": Peer(users_by_movies, _scipy_blocks, _given),
}


def main() -> None:
    """Measure the peer that the command line names."""
    name, folder, k, out = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])
    peer, data = PEERS[name], read(folder)
    peer.fit(peer.prepared(data.first(WARM_USERS)), k)
    prepared = peer.prepared(data)
    del data
    figures, found = measured(lambda ready: peer.fit(ready, k), prepared)
    finish(figures, peer.neighbours(found, k), out)


if __name__ == "__main__":
    main()
