"""What every store does with models and with the routes."""

from pathlib import Path

import numpy as np
import pytest

from store.port import ModelRef, Route, RouteConflict, Store, StoreError
from tests.store.world import START

REF = ModelRef("KNN_1_2022-04-08", "a" * 64)
OTHER = ModelRef("KNN_1_2022-04-08", "b" * 64)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model's folder with a file beyond 16 MiB and an empty one."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "scores.npy").write_bytes(np.random.default_rng(1).bytes((17 << 20) + 1))
    (folder / "manifest.json").write_text('{"movies": "amélie"}')
    (folder / "empty.npy").touch()
    return folder


@pytest.fixture
def small(tmp_path: Path) -> Path:
    folder = tmp_path / "small"
    folder.mkdir()
    (folder / "manifest.json").write_text("{}")
    return folder


def _contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def _fetched(store: Store, ref: ModelRef, folder: Path) -> dict[str, bytes]:
    folder.mkdir()
    store.fetch_model(ref, folder)
    return _contents(folder)


def test_a_model_comes_back_byte_for_byte(store: Store, model: Path, tmp_path: Path) -> None:
    store.save_model(REF, model)

    assert store.models() == [REF]
    assert _fetched(store, REF, tmp_path / "fetched") == _contents(model)


def test_a_model_saved_again_replaces_its_files_and_keeps_its_place(
    store: Store, model: Path, small: Path, tmp_path: Path
) -> None:
    store.save_model(REF, model)
    store.save_model(OTHER, small)
    store.save_model(REF, small)

    assert store.models() == [REF, OTHER]
    assert _fetched(store, REF, tmp_path / "fetched") == _contents(small)


def test_models_of_one_name_are_told_apart_by_their_digest(store: Store, small: Path, tmp_path: Path) -> None:
    store.save_model(OTHER, small)
    (small / "manifest.json").write_text("[]")
    store.save_model(REF, small)

    assert store.models() == [OTHER, REF]
    assert _fetched(store, OTHER, tmp_path / "other") == {"manifest.json": b"{}"}
    assert _fetched(store, REF, tmp_path / "ref") == {"manifest.json": b"[]"}


def test_a_model_that_is_not_there_is_named(store: Store, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=REF.name):
        store.fetch_model(REF, tmp_path)
    assert store.models() == []


def test_a_folder_that_holds_no_model_is_refused(store: Store, tmp_path: Path) -> None:
    nothing, nested = tmp_path / "nothing", tmp_path / "nested"
    nothing.mkdir()
    (nested / "folder").mkdir(parents=True)

    for folder in (nothing, nested):
        with pytest.raises(StoreError, match=folder.name):
            store.save_model(REF, folder)
    assert store.models() == []


def _route(number: int, **models: ModelRef) -> Route:
    arms = {int(arm.removeprefix("arm")): ref for arm, ref in models.items()}
    return Route(number, START + number, arms, "publish", "a person", "it's better, “much” better: 5%")


def test_the_ledger_comes_back_whole_and_in_order(store: Store) -> None:
    routes = [_route(1, arm1=REF), _route(2, arm1=REF, arm2=OTHER), _route(3)]
    for route in routes:
        store.add_route(route)

    assert store.routes() == routes


@pytest.mark.parametrize("number", [0, 1, 3, -1])
def test_a_route_with_another_number_than_the_next_is_refused(store: Store, number: int) -> None:
    store.add_route(_route(1, arm1=REF))

    with pytest.raises(RouteConflict):
        store.add_route(_route(number, arm1=OTHER))
    assert store.routes() == [_route(1, arm1=REF)]
