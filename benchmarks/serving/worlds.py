"""Stores with models of a size in them, ready to be served from."""

import shutil
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from benchmarks.datasets import FOLDER, SIZES, VERSION, dataset, matrix
from benchmarks.stores import WINDOW, store_of
from ml import artifact
from ml.knn import Params, fit
from ml.routes import publish
from ml.split import parse_split
from settings import Settings
from store import open_store
from store.port import ARMS, ModelRef, Store

NEIGHBOURS = 50
NAMES = ("KNN_1_2022-04-08", "KNN_2_2022-04-08", "KNN_1_2022-04-09")
"""One model for each arm, and one to exchange them for; the same arrays under three names."""


class World(NamedTuple):
    """Users are numbers from 0 to `users` - 1."""

    size: str
    users: int
    url: str
    cache: Path

    def store(self) -> Store:
        """Opened anew."""
        return open_store(self.url)


def world(size: str) -> World:
    """The world of a size (S, M or L), made where it is not there yet; its first two models serve."""
    folder = (FOLDER / f"serving-{size}-v{VERSION}").resolve()
    made = World(size, SIZES[size].users, f"sqlite://{folder}/marquee.db", folder / "cache")
    if not folder.exists():
        fresh = folder.with_suffix(".new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        shutil.copyfile(store_of(size).removeprefix("sqlite://"), fresh / "marquee.db")
        with closing(open_store(f"sqlite://{fresh}/marquee.db")) as store:
            _train(store, size)
        fresh.rename(folder)
    with closing(made.store()) as store:
        serve(store, dict(zip(ARMS, NAMES, strict=False)))
    return made


def _train(store: Store, size: str) -> None:
    data = matrix(dataset(size))
    for name in NAMES:
        with TemporaryDirectory() as folder:
            ref = artifact.save(fit(data, Params(neighbours=NEIGHBOURS), name, WINDOW), Path(folder))
            store.save_model(ref, Path(folder))


def serve(store: Store, names: dict[int, str]) -> dict[int, ModelRef]:
    """Route each arm to the model of a name; the models by arm."""
    refs = {ref.name: ref for ref in store.models()}
    for arm, name in names.items():
        publish(store, arm, refs[name], "measured")
    return {arm: refs[name] for arm, name in names.items()}


def check(made: World, answers: dict[int, str]) -> None:
    """ValueError where a user was answered (comma-separated) otherwise than the model of its arm says."""
    split = parse_split(Settings().split)
    with closing(made.store()) as store:
        refs = store.routes()[-1].models
        models = {arm: artifact.fetch(store, ref, made.cache) for arm, ref in refs.items()}
        for user, text in answers.items():
            model = models[split.arm(user)]
            said = model.recommend(user, model.fresh(user, store.history(user))).movies
            if text.split(",") != list(said):
                raise ValueError(f"user {user} of {made.size} was answered {text}, the model says {said}")
