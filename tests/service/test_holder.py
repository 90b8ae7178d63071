import sqlite3
from pathlib import Path

import pytest

from service.holder import Holder, NoModelError
from store.port import ModelRef, Store, StoreError, StoreUnavailable
from tests.service import world


class Place:
    """The way to a store that can go away."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.away: StoreError | None = None

    def __call__(self) -> Store:
        if self.away:
            raise self.away
        return self.store


@pytest.fixture
def place(store):
    return Place(store)


@pytest.fixture
def holder(place, folder, telemetry):
    """Follows only when told to."""
    holder = Holder(place, folder / "cache", telemetry, pause=3600)
    yield holder
    holder.close()


def names(holder: Holder) -> dict[int, str]:
    return {arm: loaded.model.name for arm, loaded in holder.serving().items()}


def corrupt(folder: Path, ref: ModelRef) -> None:
    """Flip one bit of each of the model's arrays in the store."""
    with sqlite3.connect(folder / "marquee.db") as database:
        rows = database.execute(
            "SELECT f.rowid, bytes FROM model_file f JOIN model m ON m.number = f.model"
            " WHERE digest = ? AND f.name LIKE '%.npy'",
            (ref.digest,),
        ).fetchall()
        assert rows
        for row, content in rows:
            broken = content[:-1] + bytes([content[-1] ^ 1])
            database.execute("UPDATE model_file SET bytes = ? WHERE rowid = ?", (broken, row))
    database.close()


def test_the_newest_route_serves(holder, store, early, late):
    for models in ({1: early, 2: late}, {1: late, 2: early}, {1: late, 2: late}):
        world.route(store, models)
        holder.follow()
        assert names(holder) == {arm: ref.name for arm, ref in models.items()}


@pytest.mark.parametrize("arm", [1, 2])
def test_an_arm_without_a_model_is_served_by_the_others(holder, store, early, late, arm):
    world.route(store, {1: late, 2: late})
    world.route(store, {arm: early})
    holder.follow()
    assert names(holder) == {1: early.name, 2: early.name}


def test_arms_of_one_model_share_it(holder, store, early):
    world.route(store, {1: early, 2: early})
    holder.follow()
    assert holder.serving()[1].model is holder.serving()[2].model


def test_a_model_that_stays_is_not_loaded_again(holder, store, early, late):
    world.route(store, {1: early, 2: late})
    holder.follow()
    kept = holder.serving()[1].model
    world.route(store, {1: early, 2: early})
    holder.follow()
    assert holder.serving()[1].model is kept


def test_the_cache_holds_the_models_of_late_routes_only(holder, store, folder, telemetry, early, late):
    def cached() -> set[str]:
        return {path.name for path in (folder / "cache").iterdir() if path.is_dir()}

    world.route(store, {1: early, 2: early})
    holder.follow()
    for _ in range(19):
        world.route(store, {1: late, 2: late})
    holder.follow()
    assert cached() == {early.digest, late.digest}
    world.route(store, {1: late})
    holder.follow()
    assert cached() == {early.digest, late.digest}  # nothing changed in service
    holder = Holder(lambda: store, folder / "cache", telemetry, pause=3600)
    assert cached() == {late.digest}
    holder.close()


def test_both_arms_change_at_once(holder, store, early, late):
    world.route(store, {1: early, 2: late})
    holder.follow()
    before = holder.serving()
    world.route(store, {1: late, 2: early})
    holder.follow()
    assert {arm: loaded.ref for arm, loaded in before.items()} == {1: early, 2: late}
    assert {arm: loaded.ref for arm, loaded in holder.serving().items()} == {1: late, 2: early}


def test_a_corrupted_model_is_refused_and_the_old_one_goes_on(holder, store, folder, telemetry, early, late):
    world.route(store, {1: early, 2: early})
    holder.follow()
    corrupt(folder, late)
    world.route(store, {1: early, 2: late})
    for _ in range(3):
        holder.follow()
    assert names(holder) == {1: early.name, 2: early.name}
    assert b"recommend_models_refused_total 1.0" in telemetry.page()


def test_a_process_that_starts_on_a_corrupted_model_serves_the_one_before(
    place, store, folder, telemetry, early, late
):
    corrupt(folder, late)
    world.route(store, {1: early, 2: early})
    world.route(store, {1: late, 2: late})
    holder = Holder(place, folder / "cache", telemetry, pause=3600)
    assert names(holder) == {1: early.name, 2: early.name}
    holder.close()


def test_a_model_that_is_not_in_the_store_is_refused(holder, store, early):
    world.route(store, {1: ModelRef("KNN_1_2022-02-30", "0" * 64)})
    holder.follow()
    with pytest.raises(NoModelError, match="KNN_1_2022-02-30 is refused"):
        holder.serving()
    world.route(store, {1: early})
    holder.follow()
    assert names(holder) == {1: early.name, 2: early.name}


def test_a_refused_model_does_not_hold_up_the_other_arm(holder, store, folder, early, late):
    world.route(store, {1: early, 2: early})
    holder.follow()
    corrupt(folder, early)
    missing = ModelRef("KNN_1_2022-02-30", "0" * 64)
    world.route(store, {1: missing, 2: late})
    holder.follow()
    assert names(holder) == {1: early.name, 2: late.name}


@pytest.mark.parametrize("error", [StoreUnavailable("no answer"), StoreError("not a store")])
def test_while_the_store_is_away_the_last_models_go_on(holder, place, store, early, late, error):
    world.route(store, {1: early, 2: early})
    holder.follow()
    world.route(store, {1: late, 2: late})
    place.away = error
    holder.follow()
    assert names(holder) == {1: early.name, 2: early.name}
    place.away = None
    holder.follow()
    assert names(holder) == {1: late.name, 2: late.name}


def test_the_page_tells_which_model_serves_which_arm(holder, store, telemetry, early, late):
    world.route(store, {1: early, 2: early})
    holder.follow()
    world.route(store, {1: early, 2: late})
    holder.follow()
    page = telemetry.page().decode()
    for arm, name, value in ((1, early.name, 1.0), (2, early.name, 0.0), (2, late.name, 1.0)):
        assert f'recommend_model_info{{arm="{arm}",model="{name}"}} {value}' in page
    end = float(page.split('recommend_model_data_end_timestamp_seconds{arm="2"} ')[1].split("\n")[0])
    assert end == world.LATE.end / 1e9
