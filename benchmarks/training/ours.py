"""Our own fit measured: `python -m benchmarks.training.ours PARAMS FOLDER K OUT [cold]`.

PARAMS are `plain`, by which similarities are those of the peers, or `default`. `cold` leaves the small fit
out that otherwise comes first.
"""

import sys
from pathlib import Path

import numpy as np

from benchmarks.training.measuring import WARM_USERS, Matrix, finish, measured, read
from ml import knn
from ml.matrix import STEPS, Interactions
from store.port import Window


def interactions(data: Matrix) -> Interactions:
    """The matrix as `ml.matrix` would have made it."""
    strength = data.stars * np.uint8(STEPS // 5)
    movies = int(data.movie.max()) + 1
    return Interactions(
        users=np.arange(data.indptr.size - 1),
        movies=tuple(map(str, range(movies))),
        indptr=data.indptr,
        movie=data.movie,
        strength=strength,
        weight=strength,
        lengths=np.full(movies, 90, np.int32),
    )


def params(kind: str, k: int) -> knn.Params:
    """Params by their name."""
    plain = {"activity": 0.0, "liking": 1.0, "shrinkage": 0.0}
    return knn.Params(neighbours=k, **(plain if kind == "plain" else {}))


def main() -> None:
    """Measure a fit, from the matrix to the model."""
    kind, folder, k, out = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])
    chosen, data = params(kind, k), read(folder)
    if "cold" not in sys.argv[5:]:
        knn.fit(interactions(data.first(WARM_USERS)), chosen, "", Window(0, 0))
    figures, model = measured(lambda given: knn.fit(given, chosen, "", Window(0, 0)), interactions(data))
    similarities = model.tables.similarities
    numbers = np.where(similarities > 0, model.tables.neighbours.astype(np.int64), -1)
    finish(figures, (numbers, similarities), out)


if __name__ == "__main__":
    main()
