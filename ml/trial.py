"""What a model must be able to do before it serves."""

from ml.knn import KnnModel
from store.port import Seen


def try_out(model: KnnModel) -> None:
    """Answer an unknown user, then one who saw what that answer begins with; raises where it cannot."""
    movies = model.recommend(0, {}).movies
    model.recommend(0, model.fresh(0, [Seen(movies[0], 0, 1, None)]))
