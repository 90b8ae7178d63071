"""A small world: a store with ratings of ten days, and models trained on its halves."""

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ml import artifact, knn, matrix
from movielog.events import DAY, Rated
from settings import Settings
from store import open_store
from store.port import Batch, ModelRef, Route, Store, Window

USERS = range(1, 301)
MOVIES = [f"movie+{n}+{1950 + n}" for n in range(80)] + ["amélie+2001", "what's+up_doc"]
FIRST_DAY = 19_000
EARLY = Window(FIRST_DAY * DAY, (FIRST_DAY + 5) * DAY)
LATE = Window((FIRST_DAY + 5) * DAY, (FIRST_DAY + 10) * DAY)
UNKNOWN_USER = 999_999


def settings(folder: Path, **more: Any) -> Settings:
    return Settings(store_url=f"sqlite://{folder}/marquee.db", model_cache=f"{folder}/cache", **more)


def filled_store(folder: Path) -> Store:
    """A store with the ratings of both windows."""
    store = open_store(f"sqlite://{folder}/marquee.db")
    store.record(Batch(ratings=_ratings(random.Random(7))))
    return store


def _ratings(chance: random.Random) -> list[Rated]:
    return [
        Rated(day * DAY + chance.randrange(DAY), user, movie, chance.choice([2.0, 3.0, 4.0, 4.5, 5.0]))
        for day in range(FIRST_DAY, FIRST_DAY + 10)
        for user in chance.sample(USERS, 120)
        for movie in chance.sample(MOVIES[user % 3 :: 3], 3)
    ]


def train(store: Store, name: str, window: Window, folder: Path) -> ModelRef:
    """A model of the window's events, kept in the store."""
    table = matrix.snapshot(store.ratings(window), store.watches(window))
    model = knn.fit(matrix.interactions(table), knn.Params(neighbours=20), name, window)
    files = folder / name
    files.mkdir(parents=True)
    ref = artifact.save(model, files)
    store.save_model(ref, files)
    return ref


def route(store: Store, models: Mapping[int, ModelRef]) -> None:
    """Let the models serve from now on."""
    number = len(store.routes()) + 1
    store.add_route(Route(number, number, models, "publish", "tests", "a test"))


def expected(store: Store, ref: ModelRef, folder: Path, user: int) -> tuple[list[str], str]:
    """The answer of a model of its own copy, with the store's history: movies and rung."""
    model = artifact.fetch(store, ref, folder)
    found = model.recommend(user, model.fresh(user, store.history(user)))
    return list(found.movies), found.rung


def seen(store: Store, user: int) -> set[str]:
    return {one.movie for one in store.history(user)}
