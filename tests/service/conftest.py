import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from service.app import create_app
from service.telemetry import Telemetry
from store import open_store
from store.port import ModelRef, Store
from tests.service import world


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ModelRef, ModelRef]:
    """A folder with a filled store in it, and its two models; never changed, tests copy it."""
    folder = tmp_path_factory.mktemp("trained")
    store = world.filled_store(folder)
    early = world.train(store, "KNN_1_2022-01-12", world.EARLY, folder / "models")
    late = world.train(store, "KNN_2_2022-01-17", world.LATE, folder / "models")
    store.close()
    return folder, early, late


@pytest.fixture
def folder(trained: tuple[Path, ModelRef, ModelRef], tmp_path: Path) -> Path:
    """A folder of the test's own with a copy of the filled store, without a route."""
    return copied(trained[0], tmp_path)


def copied(source: Path, target: Path) -> Path:
    """`target`, with a copy of the store in `source`."""
    for file in source.glob("marquee.db*"):
        shutil.copy(file, target)
    return target


@pytest.fixture
def early(trained: tuple[Path, ModelRef, ModelRef]) -> ModelRef:
    return trained[1]


@pytest.fixture
def late(trained: tuple[Path, ModelRef, ModelRef]) -> ModelRef:
    return trained[2]


@pytest.fixture
def store(folder: Path) -> Iterator[Store]:
    """The store of the test's folder."""
    store = open_store(world.settings(folder).store_url)
    yield store
    store.close()


@pytest.fixture
def app(folder: Path, store: Store, early: ModelRef, late: ModelRef) -> Iterator[Flask]:
    """The service with a model in each arm."""
    world.route(store, {1: early, 2: late})
    app = create_app(world.settings(folder), store)
    yield app
    app.extensions["answering"].close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def telemetry() -> Telemetry:
    """Metrics of this process alone."""
    return Telemetry(None)
