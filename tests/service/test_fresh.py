from collections.abc import Sequence
from time import sleep

import pytest

from service.fresh import Breaker, Histories
from service.telemetry import Telemetry
from store.port import Seen, StoreUnavailable
from store.sqlite import SqliteStore


class Moody(SqliteStore):
    """A store that is slow or fails when told to."""

    seconds = 0.0
    error: Exception | None = None
    asked = 0

    def history(self, user: int) -> Sequence[Seen]:
        self.asked += 1
        sleep(self.seconds)
        if self.error:
            raise self.error
        return super().history(user)


@pytest.fixture
def moody(folder):
    store = Moody(f"{folder}/marquee.db")
    yield store
    store.close()


@pytest.fixture
def telemetry():
    return Telemetry(None)


def histories(moody: Moody, telemetry: Telemetry, pause: float) -> Histories:
    return Histories(lambda: moody, telemetry, limit=0.1, pause=pause)


def skipped(telemetry: Telemetry) -> float:
    return float(telemetry.page().decode().split("\nrecommend_histories_skipped_total ")[1].split("\n")[0])


def test_a_history_is_the_stores(moody, telemetry):
    looked_up = histories(moody, telemetry, pause=3600)
    for user in range(1, 30):
        assert {*looked_up.of(user)} == {*moody.history(user)}
    assert skipped(telemetry) == 0


def test_after_one_slow_look_up_the_store_is_left_alone_for_a_while(moody, telemetry):
    looked_up = histories(moody, telemetry, pause=3600)
    moody.seconds = 0.15
    assert {*looked_up.of(1)} == {*SqliteStore.history(moody, 1)}
    assert [len(looked_up.of(user)) for user in range(2, 50)] == [0] * 48
    assert moody.asked == 1
    assert skipped(telemetry) == 48


@pytest.mark.parametrize("error", [StoreUnavailable("away"), ValueError("a bug")])
def test_a_store_that_fails_is_left_alone_for_a_while(moody, telemetry, error):
    looked_up = histories(moody, telemetry, pause=3600)
    moody.error = error
    assert [len(looked_up.of(user)) for user in range(1, 50)] == [0] * 49
    assert moody.asked == 1


def test_histories_are_read_again_when_the_store_is_back(moody, telemetry):
    looked_up = histories(moody, telemetry, pause=0)
    moody.error = StoreUnavailable("away")
    assert not looked_up.of(1)
    moody.error = None
    assert {*looked_up.of(1)} == {*moody.history(1)}


def test_a_breaker_admits_one_attempt_after_each_pause():
    breaker = Breaker(pause=3600)
    assert breaker.admits()
    assert breaker.note(success=False)
    assert not breaker.admits()
    assert not Breaker(pause=3600).note(success=True)
    impatient = Breaker(pause=0)
    impatient.note(success=False)
    assert impatient.admits()
    assert not impatient.note(success=False)
    assert impatient.note(success=True)
