"""The steps of making a model, one by one, for whoever runs them."""

from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import pandas as pd

from ml import artifact, knn, matrix
from ml.baselines import nearest, popularity
from ml.evaluation import Quality, held_out, quality, since, some_users
from ml.matrix import Interactions
from movielog.events import DAY
from movielog.times import day_of
from store.port import ModelRef, Store, Window

MOST_USERS = 20_000


class LastDay(NamedTuple):
    """What models of the days before foretell of the window's last day, about users who were there before."""

    knn: Quality
    popularity: Quality


def model_name(label: int, window: Window) -> str:
    """`KNN_<label>_<date>`, the date of the window's last day."""
    return f"KNN_{label}_{last_day(window)}"


def last_day(window: Window) -> date:
    """The UTC day that the window ends with."""
    return day_of(window.end - 1)


def train(
    data: Interactions, label: int, window: Window, params: knn.Params, engine: knn.Nearest = knn.here
) -> knn.KnnModel:
    """The model of a snapshot's matrix; ValueError where it is empty."""
    if not data.movies:
        raise ValueError("nothing to train on: nobody watched or rated anything")
    return knn.fit(data, params, model_name(label, window), window, engine)


def foretell_last_day(table: pd.DataFrame, window: Window, params: knn.Params) -> LastDay:
    """Train on the days before the last one and compare with popularity, about at most `MOST_USERS` users.

    NaN where none of the last day's users were there before.
    """
    before, after = since(table, window.end - DAY)
    held = held_out(some_users(after, MOST_USERS))
    data = matrix.interactions(before)
    return LastDay(quality(nearest(data, params), held), quality(popularity(data), held))


def keep(store: Store, model: knn.KnnModel) -> ModelRef:
    """Save a model to the store."""
    with TemporaryDirectory() as folder:
        ref = artifact.save(model, Path(folder))
        store.save_model(ref, Path(folder))
    return ref
