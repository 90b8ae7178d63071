from pathlib import Path

import pytest

from ml import routes
from ml.deploy import find_model, main
from store.port import ModelRef, Route, Store, StoreError
from store.sqlite import SqliteStore

OLD, NEW, NEWEST = (ModelRef(f"KNN_{label}", label * 64) for label in "abc")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return SqliteStore(str(tmp_path / "marquee.db"))


def _run(store: Store) -> None:
    routes.publish(store, 1, OLD, "first")
    routes.publish(store, 2, NEW, "challenger")


def test_a_published_model_serves_its_arm_and_leaves_the_other_alone(store: Store) -> None:
    _run(store)
    assert routes.serving(store.routes()) == {1: OLD, 2: NEW}


def test_a_promoted_challenger_serves_both_arms(store: Store) -> None:
    _run(store)
    routes.promote(store, "better")
    assert routes.serving(store.routes()) == {1: NEW, 2: NEW}


def test_rollbacks_go_back_one_change_each(store: Store) -> None:
    _run(store)
    routes.publish(store, 2, NEWEST, "retrain")
    routes.promote(store, "hasty")
    tables = [dict(routes.roll_back(store, "worse").models) for _ in range(3)]
    assert tables == [{1: OLD, 2: NEWEST}, {1: OLD, 2: NEW}, {1: OLD}]
    with pytest.raises(StoreError, match="nothing to roll back to"):
        routes.roll_back(store, "too far")


def test_a_change_after_a_rollback_builds_on_what_serves(store: Store) -> None:
    _run(store)
    routes.roll_back(store, "worse")
    routes.publish(store, 2, NEWEST, "retrain")
    assert routes.roll_back(store, "worse again").models == {1: OLD}


def test_nothing_is_promoted_without_a_challenger(store: Store) -> None:
    routes.publish(store, 1, OLD, "first")
    with pytest.raises(StoreError, match="no challenger"):
        routes.promote(store, "hope")


def test_a_change_that_comes_second_is_made_again_on_top(store: Store) -> None:
    class Contested(SqliteStore):
        def add_route(self, route: Route) -> None:
            if route.number == 1 and not self.routes():
                routes.publish(store, 1, OLD, "quicker")
            super().add_route(route)

    contested = Contested(str(store._path))  # type: ignore[attr-defined]
    routes.publish(contested, 2, NEW, "slower")
    assert routes.serving(store.routes()) == {1: OLD, 2: NEW}
    assert [route.number for route in store.routes()] == [1, 2]


def test_at_tells_what_served_between_two_changes(store: Store) -> None:
    _run(store)
    first, second = store.routes()
    assert routes.at(store.routes(), second.time - 1) == first
    assert routes.at(store.routes(), second.time) == second
    assert routes.at(store.routes(), first.time - 1) is None


def test_a_model_is_found_by_name_or_by_the_beginning_of_its_digest() -> None:
    twins = [ModelRef("KNN_1", "aa"), ModelRef("KNN_1", "bb")]
    assert find_model(twins, "KNN_1") == twins[1]
    assert find_model(twins, "KNN_1@a") == twins[0]
    with pytest.raises(StoreError, match="no model KNN_2"):
        find_model(twins, "KNN_2")


def test_the_command_prints_the_ledger_and_names_what_it_cannot_do(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _run(store)
    monkeypatch.setenv("STORE_URL", f"sqlite://{store._path}")  # type: ignore[attr-defined]
    assert main(["list"]) == 0
    assert "arm 1: KNN_a@aaaaaaaaaaaa  arm 2: KNN_b@bbbbbbbbbbbb" in capsys.readouterr().out
    assert main(["publish", "KNN_9", "--arm", "1"]) == 2
    assert "no model KNN_9" in capsys.readouterr().err
    assert main(["at", "yesterday"]) == 2
    assert "yesterday" in capsys.readouterr().err
