from collections.abc import Sequence, Set
from time import sleep

import pytest

from service.app import create_app
from service.fresh import LIMIT, Breaker, Histories
from service.telemetry import Telemetry
from store import open_store
from store.port import Seen, StoreUnavailable
from store.sqlite import SqliteStore
from tests.service import world


class Moody(SqliteStore):
    """A store that is slow or fails when told to."""

    seconds = 0.0
    error: Exception | None = None
    asked = 0

    def history(self, user: int, besides: Set[str] = frozenset()) -> Sequence[Seen]:
        self.asked += 1
        sleep(self.seconds)
        if self.error:
            raise self.error
        return super().history(user, besides)


@pytest.fixture
def moody(folder):
    store = Moody(f"{folder}/marquee.db")
    yield store
    store.close()


def histories(moody: Moody, telemetry: Telemetry, pause: float) -> Histories:
    return Histories(lambda: moody, telemetry, limit=0.1, pause=pause)


def skipped(telemetry: Telemetry) -> float:
    return float(telemetry.page().decode().split("\nrecommend_histories_skipped_total ")[1].split("\n")[0])


def test_a_history_is_the_stores(moody, telemetry):
    looked_up = histories(moody, telemetry, pause=3600)
    for user in range(1, 30):
        assert {*looked_up.of(user)} == {*moody.history(user)}
    assert skipped(telemetry) == 0


def test_after_three_slow_look_ups_the_store_is_left_alone_for_a_while(moody, telemetry):
    looked_up = histories(moody, telemetry, pause=3600)
    moody.seconds = 0.15
    for user in (1, 2, 3):
        assert {*looked_up.of(user)} == {*SqliteStore.history(moody, user)}
    assert [len(looked_up.of(user)) for user in range(4, 50)] == [0] * 46
    assert moody.asked == 3
    assert skipped(telemetry) == 46


@pytest.mark.parametrize("error", [StoreUnavailable("away"), ValueError("a bug")])
def test_a_store_that_fails_is_left_alone_for_a_while(moody, telemetry, error):
    looked_up = histories(moody, telemetry, pause=3600)
    moody.error = error
    assert [len(looked_up.of(user)) for user in range(1, 50)] == [0] * 49
    assert moody.asked == 3


def test_a_single_slow_look_up_changes_nothing(moody, telemetry):
    looked_up = histories(moody, telemetry, pause=3600)
    for user in range(1, 10):
        moody.seconds = 0.15 if user % 3 == 0 else 0.0
        assert {*looked_up.of(user)} == {*SqliteStore.history(moody, user)}


def test_histories_are_read_again_when_the_store_is_back(moody, telemetry):
    looked_up = histories(moody, telemetry, pause=0)
    moody.error = StoreUnavailable("away")
    assert not any(looked_up.of(user) for user in range(1, 6))
    moody.error = None
    assert {*looked_up.of(1)} == {*moody.history(1)}


def test_a_breaker_opens_after_failures_in_a_row_and_closes_after_one_success():
    breaker = Breaker(tolerance=2, pause=3600)
    for success in (False, True, False, True, False):
        assert breaker.admits()
        breaker.note(success)
    breaker.note(success=False)
    assert not breaker.admits()
    breaker.note(success=True)
    assert breaker.admits()


def test_an_open_breaker_admits_one_attempt_after_each_pause():
    breaker = Breaker(tolerance=1, pause=0.2)
    breaker.note(success=False)
    assert not breaker.admits()
    sleep(0.25)
    assert [breaker.admits(), breaker.admits()] == [True, False]


def test_the_service_has_the_store_give_up_a_look_up_when_its_callers_do(monkeypatch, folder) -> None:
    opened = []
    monkeypatch.setattr("service.app.open_store", lambda *given: opened.append(given) or open_store(*given))
    app = create_app(world.settings(folder))
    app.extensions["answering"].close()
    assert opened == [(world.settings(folder).store_url, LIMIT)]
