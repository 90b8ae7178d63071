"""What the KNN is measured against: recommenders trained on a matrix that leave out what was seen."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from importlib import import_module

import numpy as np
import scipy.sparse as sp

from ml import knn
from ml.evaluation import COUNT, Recommender
from ml.matrix import STEPS, Array, Interactions
from store.port import Window

DENSE_LIMIT = 5_000
"""Users or movies, whichever are fewer, up to which the dense model is affordable."""
EASE_PENALTIES = (50, 200, 800)


class UnavailableError(Exception):
    """Why a baseline cannot be run here."""


def popularity(data: Interactions) -> Recommender:
    """The movies of the most users."""

    def recommend(user: int) -> Sequence[str]:
        row = np.searchsorted(data.users, user)
        known = row < len(data.users) and data.users[row] == user
        seen = set(data.movie[data.indptr[row] : data.indptr[row + 1]].tolist() if known else ())
        return [data.movies[at] for at in range(min(COUNT + len(seen), len(data.movies))) if at not in seen]

    return recommend


def nearest(data: Interactions, params: knn.Params) -> Recommender:
    """The KNN itself."""
    return _asking(knn.fit(data, params, "", Window(0, 0)))


def cosine(data: Interactions, neighbours: int) -> Recommender:
    """Plain cosine on ratings: every user counts alike, nothing is shrunk, nothing fades."""
    plain = knn.Params(neighbours=neighbours, activity=0, liking=1, shrinkage=0)
    return _asking(knn.fit(replace(data, weight=data.strength), plain, "", Window(0, 0)))


def _asking(model: knn.KnnModel) -> Recommender:
    return lambda user: model.recommend(user, {}, COUNT).movies


def of_implicit(data: Interactions, kind: str, neighbours: int) -> Recommender:
    """CosineRecommender, TFIDFRecommender or BM25Recommender of the library implicit."""
    try:
        library = import_module("implicit.nearest_neighbours")
    except ImportError:
        raise UnavailableError("the library implicit is not installed") from None
    stars = _matrix(data)
    model = getattr(library, kind)(K=neighbours)
    model.fit(stars, show_progress=False)
    return _listed(data, model.recommend(np.arange(len(data.users)), stars, N=COUNT)[0])


def ease(data: Interactions, penalty: float) -> Recommender:
    """H. Steck, Embarrassingly Shallow Autoencoders for Sparse Data, WWW 2019, on which movies were seen.

    With K = (X X' + penalty)^-1, the weights' inverse is P = (1 - X' K X) / penalty and X P = K X, so that
    users, where they are fewer than movies, make the size of the dense part.
    """
    seen = (_matrix(data) > 0).astype(np.float64)
    if min(seen.shape) > DENSE_LIMIT:
        raise UnavailableError(f"more than {DENSE_LIMIT} users and movies: a dense matrix takes too long")
    projected, diagonal = (
        _by_users(seen, penalty) if seen.shape[0] < seen.shape[1] else _by_movies(seen, penalty)
    )
    dense = seen.toarray()
    scores = np.where(dense > 0, -np.inf, dense - projected / diagonal)
    return _listed(data, np.argsort(-scores, axis=1, kind="stable")[:, :COUNT])


def _by_users(seen: sp.csr_matrix, penalty: float) -> tuple[Array, Array]:
    """X P and the diagonal of P."""
    inner = (seen @ seen.T).toarray() + penalty * np.eye(seen.shape[0])
    projected = np.linalg.solve(inner, seen.toarray())
    return projected, (1 - np.asarray(seen.multiply(projected).sum(axis=0)).ravel()) / penalty


def _by_movies(seen: sp.csr_matrix, penalty: float) -> tuple[Array, Array]:
    """X P and the diagonal of P."""
    inverse = np.linalg.inv((seen.T @ seen).toarray() + penalty * np.eye(seen.shape[1]))
    return seen @ inverse, np.diag(inverse)


def _matrix(data: Interactions) -> sp.csr_matrix:
    """Users x movies, in stars."""
    stars = data.strength / STEPS * 5
    return sp.csr_matrix(
        (stars, data.movie.astype(np.int32), data.indptr), (len(data.users), len(data.movies))
    )


def _listed(data: Interactions, numbers: Array) -> Recommender:
    rows = dict(zip(data.users.tolist(), numbers.tolist(), strict=True))
    return lambda user: [data.movies[at] for at in rows.get(user, ())]


Baseline = Callable[[Interactions], Recommender]


def all_of(params: knn.Params) -> Mapping[str, Baseline]:
    """Name -> baseline, with as many neighbours as the KNN."""
    k = params.neighbours
    return {
        "popularity": popularity,
        "plain cosine": partial(cosine, neighbours=k),
        "implicit, cosine": partial(of_implicit, kind="CosineRecommender", neighbours=k),
        "implicit, TF-IDF": partial(of_implicit, kind="TFIDFRecommender", neighbours=k),
        "implicit, BM25": partial(of_implicit, kind="BM25Recommender", neighbours=k),
        **{f"EASE, penalty {penalty}": partial(ease, penalty=penalty) for penalty in EASE_PENALTIES},
    }
