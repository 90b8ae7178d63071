import logging
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from movielog import ingest
from movielog.events import SECOND, Event, Rated, Requested, Watched
from movielog.follow import FileChunk
from movielog.format import format_event
from movielog.parse import parse_line
from movielog.source import open_log
from movielog.stopping import Stop, Stopped
from store.port import Batch, Quarantined, StoreError, StoreUnavailable, Viewing
from tests.fakes import MemoryStore
from tests.movielog.recount import START, held, recount, some_lines
from tests.servers.process import free_port

ROOT = Path(__file__).parents[2]


def position(number: int) -> str:
    return f"log:{number}"


def minutes(*seen: int) -> int:
    return sum(1 << minute for minute in seen)


def watched(time: int, minute: int, user: int = 1, movie: str = "up+2009") -> bytes:
    return format_event(Watched(START + time * SECOND, user, movie, minute))


class Flaky(MemoryStore):
    """Cannot be reached at its first calls."""

    def __init__(self, failures: int) -> None:
        super().__init__()
        self.failures = failures

    def record(self, batch: Batch) -> None:
        if self.failures:
            self.failures -= 1
            raise StoreUnavailable("the store is out for lunch")
        super().record(batch)


class ListLog:
    """A log that is a list, and remembers what was committed and what the store held at that time."""

    def __init__(self, lines: Sequence[str], store: MemoryStore) -> None:
        self.lines = [line.encode() for line in lines]
        self.store = store
        self.read_lines = self.committed = 0
        self.held_at_commit: list[object] = []

    def read(self, limit: int, timeout: float) -> FileChunk:  # noqa: ARG002 -- never waits
        lines = self.lines[self.read_lines : self.read_lines + limit]
        chunk = FileChunk(lines, "list", sum(len(line) + 1 for line in self.lines[: self.read_lines]))
        self.read_lines += len(lines)
        return chunk

    def commit(self) -> None:
        self.committed = self.read_lines
        self.held_at_commit.append(held(self.store))

    def lag(self) -> int:
        return len(self.lines) - self.read_lines

    def close(self) -> None:
        """Nothing to let go of."""


def run(log: ListLog, store: MemoryStore, stop: Stop | None = None) -> CollectorRegistry:
    registry = CollectorRegistry()
    ingest.ingest(log, store, ingest.Progress(registry), stop or Stop(), limit=100, once=True)
    return registry


def environ(tmp_path: Path, **more: str) -> dict[str, str]:
    urls = {"MOVIELOG_URL": f"file://{tmp_path}/movielog.log", "STORE_URL": f"sqlite://{tmp_path}/marquee.db"}
    return os.environ | urls | more


def test_minutes_fold_into_viewings_by_day_user_and_movie() -> None:
    lines = [
        watched(60, 4),
        watched(0, 3),
        watched(120, 5),
        watched(60, 4),
        watched(-1, 2),
        watched(7, 3, user=2),
    ]
    batch = ingest.aggregate(lines, position)
    assert sorted(batch.viewings, key=lambda viewing: (viewing.day, viewing.user)) == [
        Viewing(18_999, 1, "up+2009", START - SECOND, START - SECOND, minutes(2)),
        Viewing(19_000, 1, "up+2009", START, START + 120 * SECOND, minutes(3, 4, 5)),
        Viewing(19_000, 2, "up+2009", START + 7 * SECOND, START + 7 * SECOND, minutes(3)),
    ]


def test_ratings_and_requests_stay_as_they_are() -> None:
    events: list[Event] = [
        Rated(START, 1, "up+2009", 4.5),
        Requested(START, 1, "h:8082", 0, (), "Timeout: none", 9),
    ]
    batch = ingest.aggregate([format_event(event) for event in events], position)
    assert [*batch.ratings, *batch.requests] == events
    assert (batch.viewings, batch.quarantined) == ([], [])


def test_malformed_lines_are_quarantined_with_place_reason_and_beginning() -> None:
    long = b"damaged" * 1000
    batch = ingest.aggregate([watched(0, 0), b"\x00\xff", long], position)
    assert batch.quarantined == [
        Quarantined("log:1", "too few fields", b"\x00\xff", 2),
        Quarantined("log:2", "too few fields", long[:2048], 7000),
    ]


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_batches_of_any_size_and_any_replay_hold_exactly_the_logs_events(size: int) -> None:
    lines, store = some_lines(1000), MemoryStore()
    for start in [*range(0, 1000, size), *range(0, 1000, 2 * size)]:
        part = [line.encode() for line in lines[start : start + size]]
        positions = [position(start + number) for number in range(size)]
        store.record(ingest.aggregate(part, positions.__getitem__))
    assert held(store) == recount(lines)
    assert [line.raw.decode() for line in store.quarantined()] == sorted(
        (line for line in lines if line.startswith("damaged")),
        key=lambda line: position(int(line.split()[1])),
    )


def test_nothing_is_committed_before_it_is_written() -> None:
    lines, store = some_lines(250), MemoryStore()
    log = ListLog(lines, store)
    run(log, store)
    assert log.committed == 250
    assert log.held_at_commit == [recount(lines[:100]), recount(lines[:200]), recount(lines)]


def test_a_store_that_is_away_is_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    lines, store = some_lines(150), Flaky(failures=2)
    log = ListLog(lines, store)
    run(log, store)
    assert (held(store), log.committed) == (recount(lines), 150)
    assert caplog.text.count("out for lunch") == 2


def test_a_stop_while_the_store_is_away_commits_nothing() -> None:
    class Away(MemoryStore):
        def record(self, batch: Batch) -> None:  # noqa: ARG002
            stop.ask()
            raise StoreUnavailable("the store is out for lunch")

    stop = Stop()
    log = ListLog(some_lines(150), Away())
    with pytest.raises(Stopped):
        run(log, log.store, stop)
    assert (log.read_lines, log.committed) == (100, 0)


def test_what_the_store_refuses_ends_the_process_uncommitted() -> None:
    class Broken(MemoryStore):
        def record(self, batch: Batch) -> None:  # noqa: ARG002
            raise StoreError("the disk is made of cheese")

    log = ListLog(some_lines(50), Broken())
    with pytest.raises(StoreError, match="cheese"):
        run(log, log.store)
    assert log.committed == 0


def test_metrics_count_lines_by_kind_and_damage_by_reason() -> None:
    lines, store = some_lines(500), MemoryStore()
    sound = [parse_line(line.encode()) for line in lines if not line.startswith("damaged")]
    registry = run(ListLog([*lines, "2022-02-30T00:00:00,7,GET /rate/up+2009=3"], store), store)
    for kind, event in {"watched": Watched, "rated": Rated, "requested": Requested}.items():
        expected = sum(isinstance(one, event) for one in sound)
        assert registry.get_sample_value("ingest_lines_total", {"kind": kind}) == expected > 0
    damaged = 500 - len(sound)
    assert registry.get_sample_value("ingest_lines_total", {"kind": "malformed"}) == damaged + 1
    assert registry.get_sample_value("ingest_malformed_total", {"reason": "too few fields"}) == damaged
    assert registry.get_sample_value("ingest_malformed_total", {"reason": "bad time"}) == 1
    assert registry.get_sample_value("ingest_lag") == 0


def test_the_report_tells_lines_lag_and_reasons(caplog: pytest.LogCaptureFixture) -> None:
    store = MemoryStore()
    with caplog.at_level(logging.INFO):
        run(ListLog(["damaged", watched(0, 0).decode(), watched(1, 1).decode()], store), store)
    assert "3 lines, " in caplog.text
    assert "lag 0, 1 malformed (too few fields 1)" in caplog.text


def test_lines_in_quarantine_are_recorded_once_the_parser_takes_them() -> None:
    store, mended = MemoryStore(), watched(0, 5)
    store.record(
        Batch(
            quarantined=[
                Quarantined("log:1", "an old fault of the parser", mended, len(mended)),
                Quarantined("log:2", "an old reason", b"damaged", 7),
                Quarantined("log:3", "line too long", watched(0, 6), 99_999),
            ]
        )
    )
    assert ingest.retry_quarantine(store) == {"parsed": 1, "too few fields": 1, "truncated": 1}
    assert [(line.position, line.reason) for line in store.quarantined()] == [
        ("log:2", "too few fields"),
        ("log:3", "line too long"),
    ]
    assert held(store) == recount([mended.decode()])


def test_the_command_ingests_a_file_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from store import open_store

    lines = some_lines(3000)
    (tmp_path / "movielog.log").write_text("\n".join(lines) + "\n")
    for name, value in environ(tmp_path).items():
        monkeypatch.setenv(name, value)
    assert ingest.main(["--once", "--batch", "700"]) == 0
    assert ingest.main(["--once"]) == 0
    store = open_store(f"sqlite://{tmp_path}/marquee.db")
    assert held(store) == recount(lines)
    store.close()


def test_the_quarantine_is_driven_through_again_by_a_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "movielog.log").write_text("damaged\ndamaged\n" + "long" * 1000 + "\n")
    for name, value in environ(tmp_path).items():
        monkeypatch.setenv(name, value)
    ingest.main(["--once"])
    assert ingest.main(["--retry-quarantine"]) == 0
    expected = "0 lines parsed and released; 3 malformed (too few fields 2, truncated 1)\n"
    assert capsys.readouterr().out == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [("MOVIELOG_URL", "ftp://x"), ("MOVIELOG_URL", "kafka://x"), ("STORE_URL", "sqlite:///proc/x/y")],
)
def test_what_the_user_got_wrong_is_one_sentence(
    name: str, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for variable, text in (environ(tmp_path) | {name: value}).items():
        monkeypatch.setenv(variable, text)
    assert ingest.main(["--once"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_after_the_batch_with_everything_committed(
    tmp_path: Path, ending: signal.Signals
) -> None:
    lines, port = some_lines(2000), free_port()
    path = tmp_path / "movielog.log"
    path.write_text("\n".join(lines) + "\n")
    command = [sys.executable, "-m", "movielog.ingest"]
    process = subprocess.Popen(command, cwd=ROOT, env=environ(tmp_path, METRICS_PORT=str(port)))
    try:
        _wait_for(f"http://127.0.0.1:{port}/metrics", 'ingest_lines_total{kind="watched"}')
        process.send_signal(ending)
        assert process.wait(20) == 0
    finally:
        process.kill()
    log = open_log(f"file://{path}", ingest.GROUP)
    assert not log.read(1, 0).lines


def _wait_for(url: str, text: str) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                if text in answer.read().decode():
                    return
        except OSError:
            pass
        time.sleep(0.05)
    pytest.fail(f"{url} does not show {text}")
