"""A new model and what it has to beat foretell the newest day of its window.

docs/decisions/the-gate-compares-recipes.md tells why not simply the two models as they are.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ml import evaluation, knn, matrix
from ml.evaluation import COUNT
from ml.gate.bar import Bar
from ml.knn import KnnModel
from ml.matrix import Interactions
from movielog.events import DAY
from store.port import Seen

Array = np.ndarray[Any, Any]
Histories = Mapping[int, Sequence[Seen]]
"""Whole histories by user, as the store gives them."""

_NOBODY = -1
"""A user that no model knows."""


RECIPE, MODEL, POPULARITY, SERVING = "recipe", "model", "popularity", "serving"

Contest = Mapping[str, Array]
"""Recall@20 and nDCG@20 per user, users x 2, rows of the same users for every contender: the `recipe`, the
new model's parameters trained on its snapshot but for what is to be foretold; the new `model` itself, which
has seen it; `popularity`; and what is `serving`, where something is."""


class _Known(NamedTuple):
    """Histories up to `start`; what was seen from `since` on counts, what was seen before is kept out."""

    since: int
    start: int
    histories: Histories

    def answer(self, model: KnnModel, user: int) -> Sequence[str]:
        """What a model recommends that knows nothing of the user but this."""
        old = {one.movie: 0.0 for one in self.seen(user) if one.last_time < self.since}
        new = [one for one in self.seen(user) if one.last_time >= self.since]
        return model.recommend(_NOBODY, old | model.fresh(_NOBODY, new), COUNT).movies

    def seen(self, user: int) -> Sequence[Seen]:
        """All of the user's movies up to `start`."""
        return [one for one in self.histories[user] if one.last_time < self.start]


def hold(
    model: KnnModel,
    serving: KnnModel | None,
    table: pd.DataFrame,
    told: Callable[[Sequence[int]], Histories],
    bar: Bar,
) -> Contest:
    """The contest on the model's snapshot: what users of the newest 24 hours, who were there before, turned
    to then and liked is foretold, a fold of them at a time, from the histories up to then."""
    start = int(table["time"].max()) + 1 - DAY
    after = evaluation.returning(table, start)
    liked = evaluation.some_users(after[_strength(model, after) >= bar.liked], bar.most_users)
    users = np.unique(liked["user"])
    known = _Known(model.window.start, start, told(users.tolist()))
    folds = [
        _fold(model, serving, known, table, liked[liked["user"].isin(users[number :: bar.folds])])
        for number in range(bar.folds)
    ]
    return {name: np.concatenate([fold[name] for fold in folds]) for name in folds[0]}


def _strength(model: KnnModel, rows: pd.DataFrame) -> Array:
    """How strongly each row's user was for its movie, 0 to 1, as in `matrix.strength`."""
    movie = rows["movie"].cat.remove_unused_categories().cat
    lengths = model.lengths[[model.numbers[name] for name in movie.categories]][movie.codes]
    return np.asarray(matrix.strength(rows["minutes"], lengths, rows["rating"]) / matrix.STEPS)


def _fold(
    model: KnnModel, serving: KnnModel | None, known: _Known, table: pd.DataFrame, liked: pd.DataFrame
) -> Contest:
    """The contest about some users, whose newest day nobody but the model itself has seen."""
    unknown = (table["time"] >= known.start) & table["user"].isin(liked["user"])
    data, held = matrix.interactions(table, ~unknown.to_numpy()), evaluation.held_out(liked)
    if serving and serving.window.end > known.start:
        serving = _trained(data, serving)
    models = {RECIPE: _trained(data, model), MODEL: model} | ({SERVING: serving} if serving else {})
    found = {
        name: evaluation.of_users(partial(known.answer, contender), held)
        for name, contender in models.items()
    }
    return {**found, POPULARITY: evaluation.of_users(partial(_popular, data, known), held)}


def _trained(data: Interactions, like: KnnModel) -> KnnModel:
    return knn.fit(data, like.params, like.name, like.window)


def _popular(data: Interactions, known: _Known, user: int) -> Sequence[str]:
    seen = {one.movie for one in known.seen(user)}
    return [movie for movie in data.movies[: COUNT + len(seen)] if movie not in seen]
