"""Counting through failures: every line once, whatever ends when."""

import random
import time
from collections.abc import Sequence
from contextlib import suppress

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from monitor.traffic import follow
from monitor.traffic.book import Book, OthersTurnError
from monitor.traffic.exporter import Exporter
from monitor.traffic.follow import Follower
from movielog.follow import FileChunk
from movielog.stopping import Stop, Stopped
from store.port import StoreUnavailable
from tests.fakes import MemoryStore
from tests.monitor.traffic.lines import some_lines
from tests.monitor.traffic.recount import recount
from tests.monitor.traffic.shown import shown


class Killed(BaseException):
    """The process ended here, without another word."""


class ListLog:
    """A log that is a list; `left` reads are answered, then `end` is called."""

    def __init__(self, lines: Sequence[str], place: str, left: int, end: object) -> None:
        self.lines = [line.encode() for line in lines]
        self.at = int(place or 0)
        self.left, self.end = left, end

    def read(self, limit: int, timeout: float) -> FileChunk:  # noqa: ARG002 -- never waits
        if not self.left:
            self.end()
        self.left -= 1
        lines = self.lines[self.at : self.at + 97]
        self.at += len(lines)
        return FileChunk(lines, "list", 0)

    def place(self) -> str:
        return str(self.at)

    def commit(self) -> None:
        """Nothing depends on it."""

    def lag(self) -> int:
        return len(self.lines) - self.at

    def close(self) -> None:
        """Nothing to let go of."""


class Dying(MemoryStore):
    """Dies or is away at chosen writes, before or after they are done."""

    def __init__(self) -> None:
        super().__init__()
        self.before = self.after = -1
        self.away = 0

    def save_checkpoint(self, name: str, state: bytes) -> None:
        self.before, self.after = self.before - 1, self.after - 1
        if self.away > 0:
            self.away -= 1
            raise StoreUnavailable("the store is out for lunch")
        if self.before == 0:
            raise Killed
        super().save_checkpoint(name, state)
        if self.after == 0:
            raise Killed


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "KEEP_SECONDS", 0.0)
    monkeypatch.setattr(follow, "AGAIN_SECONDS", 0.0)


def book(store: MemoryStore, holder: str = "here:1") -> Book:
    return Book(store, "file:///log", 750, holder)


def run(lines: Sequence[str], store: MemoryStore, reads: int, end: object = None) -> CollectorRegistry:
    """Follow the log for so many reads, then stop, or end as told."""
    registry, stop = CollectorRegistry(), Stop()
    follower = Follower(
        book(store), lambda place: ListLog(lines, place, reads, end or stop.ask), Exporter(registry)
    )
    with suppress(Killed):
        follower.run(stop)
    return registry


def told(registry: CollectorRegistry) -> dict[str, object]:
    return shown(generate_latest(registry).decode())


def killed() -> None:
    raise Killed


def test_the_log_is_counted_to_its_end() -> None:
    lines = some_lines(1500, 50, seed=1)
    registry = run(lines, MemoryStore(), reads=20)
    assert told(registry) == recount(lines, 750)
    assert registry.get_sample_value("movielog_monitor_lag") == 0


@pytest.mark.parametrize("seed", range(20))
def test_a_process_killed_anywhere_loses_no_line_and_counts_none_twice(seed: int) -> None:
    lines, chance, store = some_lines(4000, 50, seed), random.Random(seed), Dying()
    for _ in range(6):
        store.before, store.after = chance.choice([(-1, -1), (2, -1), (-1, 2)])
        run(lines, store, reads=chance.randrange(1, 6), end=chance.choice([None, killed]))
    store.before = store.after = -1
    assert told(run(lines, store, reads=50)) == recount(lines, 750)


def test_what_is_shown_first_after_a_restart_is_what_was_shown_last() -> None:
    lines, store = some_lines(1500, 50, seed=2), MemoryStore()
    before = told(run(lines, store, reads=5, end=killed))
    registry = CollectorRegistry()
    exporter = Exporter(registry)
    first: list[dict[str, object]] = []

    def look() -> None:
        first.append(told(registry))
        raise Killed

    with pytest.raises(Killed):
        Follower(book(store), lambda place: ListLog(lines, place, 0, look), exporter).run(Stop())
    assert first == [before]


def test_counting_goes_on_while_the_store_is_away_and_is_written_when_it_is_back() -> None:
    lines, store = some_lines(1500, 50, seed=3), Dying()
    store.away = 4
    registry = run(lines[:485], store, reads=3)
    assert registry.get_sample_value("movielog_monitor_failures_total", {"of": "store"}) == 4
    assert told(registry)["requests"] == recount(lines[:485], 750)["requests"]
    assert told(run(lines, store, reads=20)) == recount(lines, 750)


def test_a_log_that_cannot_be_read_is_counted_and_tried_again() -> None:
    lines, store, stop = some_lines(500, 50, seed=4), MemoryStore(), Stop()
    registry = CollectorRegistry()

    def fail() -> None:
        raise PermissionError("not for you")

    ends = iter([(2, fail), (0, fail), (10, stop.ask)])
    Follower(book(store), lambda place: ListLog(lines, place, *next(ends)), Exporter(registry)).run(stop)
    assert registry.get_sample_value("movielog_monitor_failures_total", {"of": "log"}) == 2
    assert told(registry) == recount(lines, 750)


def test_an_unknown_lag_is_a_failed_look_at_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ListLog, "lag", lambda _: None)
    registry = run(some_lines(50, 50, seed=5), MemoryStore(), reads=0)
    assert registry.get_sample_value("movielog_monitor_failures_total", {"of": "log"}) == 2
    assert str(registry.get_sample_value("movielog_monitor_lag")) == "nan"


def test_two_processes_never_count_the_same_log_at_once() -> None:
    lines, store, stop = some_lines(500, 50, seed=6), MemoryStore(), Stop()
    other = book(store, "there:1")
    other.read()
    turns: list[str] = []

    def ends() -> None:
        turns.append("mine")
        stop.ask()

    class Waiting(Exporter):
        def show(self, traffic: object) -> None:
            turns.append("shown")
            super().show(traffic)

    follower = Follower(
        book(store), lambda place: ListLog(lines, place, 9, ends), Waiting(CollectorRegistry())
    )
    follow.AGAIN_SECONDS = 0.01
    rest = iter(range(3))
    stop.sleep = lambda _: None if next(rest, None) is not None else other.close()  # type: ignore[method-assign]
    follower.run(stop)
    assert turns.index("shown") < turns.index("mine")
    assert next(rest, None) is None


def test_who_lost_its_turn_drops_what_it_had_not_written() -> None:
    lines, store = some_lines(970, 50, seed=7), MemoryStore()
    late, quick = book(store, "late:1"), book(store, "quick:1")
    tally, _ = late.read()
    tally.add([line.encode() for line in lines[:500]], time.time_ns())
    store.end_lease("api_monitor 750 ms file:///log", "late:1")
    quick.read()
    late._until = 0  # as if it had slept
    with pytest.raises(OthersTurnError):
        late.write(tally, "500")
    quick.close()
    assert told(run(lines, store, reads=20)) == recount(lines, 750)


def test_another_deadline_or_another_log_is_a_book_of_its_own() -> None:
    store = MemoryStore()
    run(some_lines(500, 50, seed=8), store, reads=9)
    assert Book(store, "file:///log", 800, "here:1").read()[1] == ""
    assert Book(store, "file:///other", 750, "here:1").read()[1] == ""
    assert book(store).read()[1] == "500"


def test_an_end_while_the_store_is_away_is_no_failure() -> None:
    class Away(MemoryStore):
        def checkpoint(self, name: str) -> bytes | None:  # noqa: ARG002
            stop.ask()
            raise StoreUnavailable("the store is out for lunch")

    stop = Stop()
    with pytest.raises(Stopped):
        Follower(book(Away()), lambda _: pytest.fail("opened"), Exporter(CollectorRegistry())).run(stop)
