from collections.abc import Sequence
from threading import Event, Thread

import pytest

from service.recorder import Recorder
from service.telemetry import Telemetry
from store.port import Answer, ModelRef, StoreError, StoreUnavailable, Window
from store.sqlite import SqliteStore

MODEL = ModelRef("KNN_1_2022-01-12", "a" * 64)


class Moody(SqliteStore):
    """A store that takes no answers while it has an error."""

    error: Exception | None = None

    def record_answers(self, answers: Sequence[Answer]) -> None:
        if self.error:
            raise self.error
        super().record_answers(answers)


@pytest.fixture
def store(tmp_path):
    store = Moody(f"{tmp_path}/marquee.db")
    yield store
    store.close()


@pytest.fixture
def recorder(store, telemetry):
    """Writes only when told to, and keeps 1,200 answers."""
    return Recorder(lambda: store, telemetry, bound=1200, pause=3600)


def answer(number: int) -> Answer:
    return Answer(number, number % 7, 1, MODEL, "knn", ("a+1999", "b+2000"), {"c+2001": 0.5})


def times(store: SqliteStore) -> list[int]:
    return sorted(store.answers(Window(0, 2**62))["time"])


def dropped(telemetry: Telemetry) -> float:
    return float(telemetry.page().decode().split("\nrecommend_answers_dropped_total ")[1].split("\n")[0])


def test_answers_are_written_whole(recorder, store):
    recorder.add(answer(5))
    recorder.flush()
    (row,) = store.answers(Window(0, 100)).to_dict("records")
    assert (row["user"], row["movies"]) == (5, "a+1999,b+2000")
    assert (row["model"], row["digest"], row["rung"], row["arm"]) == (*MODEL, "knn", 1)
    assert row["fresh"] == "c+2001=0.5"


def test_more_than_a_batch_is_written_in_one_go(recorder, store):
    for number in range(1100):
        recorder.add(answer(number))
    recorder.flush()
    assert times(store) == list(range(1100))


def test_answers_wait_for_a_store_that_is_away(recorder, store, telemetry):
    store.error = StoreUnavailable("away")
    for number in range(700):
        recorder.add(answer(number))
        if number % 100 == 0:
            recorder.flush()
    store.error = None
    recorder.flush()
    assert times(store) == list(range(700))
    assert dropped(telemetry) == 0


def test_what_exceeds_the_bound_is_dropped_and_counted(recorder, store, telemetry):
    store.error = StoreUnavailable("away")
    for number in range(1500):
        recorder.add(answer(number))
        if number == 1000:
            recorder.flush()
    recorder.flush()
    assert b"recommend_answers_waiting 1200.0" in telemetry.page()
    store.error = None
    recorder.flush()
    assert times(store) == list(range(1200))
    assert dropped(telemetry) == 300


def test_answers_that_the_store_refuses_do_not_block_those_after_them(recorder, store, telemetry):
    store.error = StoreError("never")
    recorder.add(answer(1))
    recorder.flush()
    store.error = None
    recorder.add(answer(2))
    recorder.flush()
    assert times(store) == [2]
    assert dropped(telemetry) == 1


def test_closing_writes_what_waits(recorder, store):
    recorder.add(answer(1))
    recorder.close()
    assert times(store) == [1]


def test_what_cannot_be_written_before_the_end_is_counted(recorder, store, telemetry):
    store.error = StoreUnavailable("away")
    for number in range(600):
        recorder.add(answer(number))
    recorder.close(patience=5)
    assert dropped(telemetry) == 600


def test_nothing_is_lost_or_doubled_between_threads(recorder, store):
    ending = Event()

    def flush_on() -> None:
        while not ending.is_set():
            recorder.flush()

    flusher = Thread(target=flush_on)
    flusher.start()
    for number in range(1000):
        recorder.add(answer(number))
    ending.set()
    flusher.join()
    recorder.flush()
    assert times(store) == list(range(1000))
