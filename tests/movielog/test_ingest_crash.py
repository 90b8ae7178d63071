import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from movielog.ingest import GROUP
from movielog.source import open_writer
from store import open_store
from tests.movielog.recount import held, recount, some_lines
from tests.movielog.test_source import eventually
from tests.servers.broker import Broker

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "movielog.ingest"]


def test_ten_kills_amid_batches_leave_exactly_the_events_of_the_log(tmp_path: Path) -> None:
    lines, chance = some_lines(60_000), random.Random(4)
    log, database = tmp_path / "movielog.log", f"sqlite://{tmp_path}/marquee.db"
    log.write_text("\n".join(lines) + "\n")
    environ = os.environ | {"MOVIELOG_URL": f"file://{log}", "STORE_URL": database}
    positions = [_killed(environ, log, chance.uniform(0, 0.05)) for _ in range(10)]
    assert len(set(positions)) == 10, "not every process came past its predecessor"
    assert (
        subprocess.run([*COMMAND, "--once"], cwd=ROOT, env=environ, timeout=60, check=False).returncode == 0
    )
    _assert_whole(database, lines)


@pytest.mark.real
def test_kills_amid_batches_of_a_topic_leave_exactly_its_events(kafka_broker: Broker, tmp_path: Path) -> None:
    url = f"kafka://{kafka_broker.bootstrap}/{kafka_broker.make_topic(4)}"
    lines, chance = some_lines(20_000), random.Random(4)
    with closing(open_writer(url)) as writer:
        writer.append([line.encode() for line in lines])
    database = f"sqlite://{tmp_path}/marquee.db"
    environ = os.environ | {"MOVIELOG_URL": url, "STORE_URL": database}
    seen = [_killed_at_a_topic(environ, database, chance.uniform(0.1, 0.5)) for _ in range(4)]
    assert seen[-1] > seen[0] > 0, "no process came past its predecessor"
    subprocess.run([*COMMAND, "--once"], cwd=ROOT, env=environ, timeout=90, check=True)
    _assert_whole(database, lines)


def _killed_at_a_topic(environ: dict[str, str], database: str, seconds: float) -> int:
    """How many ratings there are when a process is killed that has written some more."""
    before = _ratings(database)
    with _ingesting(environ, 300):
        assert eventually(lambda: _ratings(database) > before, 60)
        time.sleep(seconds)
    return _ratings(database)


def _ratings(database: str) -> int:
    with closing(open_store(database)) as store:
        return len(held(store)["ratings"])


def _assert_whole(database: str, lines: Sequence[str]) -> None:
    """The store holds the events of the lines and nothing else."""
    with closing(open_store(database)) as store:
        assert held(store) == recount(lines)
        damaged = [line for line in lines if line.startswith("damaged")]
        assert sorted(line.raw.decode() for line in store.quarantined()) == sorted(damaged)


def _killed(environ: dict[str, str], log: Path, seconds: float) -> bytes:
    """The position left by a process that is killed after its first commit and before the log's end."""
    position = log.with_name(f"{log.name}.{GROUP}.position")
    before = _content(position)
    with _ingesting(environ, 50):
        deadline = time.monotonic() + 30
        while _content(position) == before and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(seconds)
    left = _content(position)
    assert f'"offset": {log.stat().st_size}'.encode() not in left, "the log was at its end before the kill"
    return left


@contextmanager
def _ingesting(environ: dict[str, str], batch: int) -> Iterator[None]:
    """A process that ingests in batches of so many lines, and is killed at the end."""
    command = [*COMMAND, "--batch", str(batch)]
    process = subprocess.Popen(command, cwd=ROOT, env=environ, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def _content(file: Path) -> bytes:
    return file.read_bytes() if file.exists() else b""
