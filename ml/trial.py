"""What a model must be able to do before it serves."""

import numpy as np

from ml.kernels.scoring import Tables
from ml.knn import KnnModel, Params
from store.port import Seen, Window


def try_out(model: KnnModel) -> None:
    """Answer an unknown user, then one who saw what that answer begins with; raises where it cannot."""
    movies = model.recommend(0, {}).movies
    model.recommend(0, model.fresh(0, [Seen(movies[0], 0, 1, None)]))


def warm_up() -> None:
    """Have all that answers compiled or read from numba's cache.

    Done before a process is copied, it is there once for all copies.
    """
    users, ends, pairs, links = (np.array(given) for given in ([7], [0, 1], [0], [[1], [0]]))
    tables = Tables(
        users.astype(np.int64),
        ends.astype(np.int64),
        pairs.astype(np.uint16),
        pairs.astype(np.uint8),
        links.astype(np.uint16),
        np.ones((2, 1), np.float32),
    )
    for array in tables:
        array.flags.writeable = False  # as those of a model that was read from files
    try_out(KnnModel("", Window(0, 1), Params(), ("a", "b"), np.ones(2, np.int32), tables))
