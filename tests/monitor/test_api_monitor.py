"""The process on a real log and a real store, ended in every way."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from movielog.source import open_writer
from tests.monitor.traffic.lines import some_lines
from tests.monitor.traffic.recount import recount
from tests.monitor.traffic.shown import shown
from tests.servers.broker import Broker
from tests.servers.process import free_port

ROOT = Path(__file__).parents[2]
PATIENCE = 60


def page(port: int) -> dict[str, object] | None:
    """What the monitor shows, None before it shows any request."""
    try:
        text = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=5).text
    except requests.ConnectionError:
        return None
    return shown(text) if "movielog_requests_24h" in text else None


def shows(port: int, expected: dict[str, object]) -> bool:
    """Whether it comes to show this."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if page(port) == expected:
            return True
        time.sleep(0.05)
    return False


def write(url: str, lines: Sequence[str]) -> None:
    writer = open_writer(url)
    writer.append([line.encode() for line in lines])
    writer.close()


@contextmanager
def monitor(log: str, store: str, port: int) -> Iterator[subprocess.Popen[bytes]]:
    environ = os.environ | {"MOVIELOG_URL": log, "STORE_URL": store, "METRICS_PORT": str(port)}
    process = subprocess.Popen([sys.executable, "-m", "monitor.api_monitor"], cwd=ROOT, env=environ)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def killed_amid_its_work(log: str, store: str, lines: Sequence[str], seed: int) -> None:
    """Kill the monitor again and again while the log grows; in the end it shows what a recount says."""
    chance, port, ends = random.Random(seed), free_port(), [600, 1200, 1800, 2400, 3000]
    for start, end in zip([0, *ends[:-1]], ends, strict=True):
        with monitor(log, store, port):
            deadline = time.monotonic() + PATIENCE
            while page(port) is None and time.monotonic() < deadline:
                time.sleep(0.02)
            write(log, lines[start:end])
            time.sleep(chance.uniform(0, 2.5))
    with monitor(log, store, port) as process:
        assert shows(port, recount(lines, 750)), f"{page(port)} is not {recount(lines, 750)}"
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_and_the_next_one_shows_the_same_at_once(
    tmp_path: Path, ending: signal.Signals
) -> None:
    lines, port = some_lines(2000, 60, seed=1), free_port()
    log, store = f"file://{tmp_path}/movielog.log", f"sqlite://{tmp_path}/marquee.db"
    write(log, lines)
    with monitor(log, store, port) as process:
        assert shows(port, recount(lines, 750))
        process.send_signal(ending)
        assert process.wait(20) == 0
    (tmp_path / "movielog.log").unlink()
    with monitor(log, store, port):
        assert shows(port, recount(lines, 750))


def test_kills_amid_the_work_lose_no_line_of_a_file_and_count_none_twice(tmp_path: Path) -> None:
    log, store = f"file://{tmp_path}/movielog.log", f"sqlite://{tmp_path}/marquee.db"
    killed_amid_its_work(log, store, some_lines(3000, 60, seed=2), seed=2)


@pytest.mark.real
@pytest.mark.timeout(240)
def test_kills_amid_the_work_lose_no_line_of_a_topic_and_count_none_twice(
    tmp_path: Path, kafka_broker: Broker
) -> None:
    log = f"kafka://{kafka_broker.bootstrap}/{kafka_broker.make_topic(3)}"
    killed_amid_its_work(log, f"sqlite://{tmp_path}/marquee.db", some_lines(3000, 60, seed=3), seed=3)


@pytest.mark.real
def test_its_book_is_kept_in_a_database_as_well(tmp_path: Path, mongo_url: str) -> None:
    log = f"file://{tmp_path}/movielog.log"
    killed_amid_its_work(log, mongo_url, some_lines(3000, 60, seed=4), seed=4)


@pytest.mark.parametrize(
    ("name", "value"), [("MOVIELOG_URL", "kafka://x"), ("STORE_URL", "ftp://x"), ("DEADLINE_MS", "soon")]
)
def test_what_the_user_got_wrong_is_one_sentence(tmp_path: Path, name: str, value: str) -> None:
    environ = os.environ | {"STORE_URL": f"sqlite://{tmp_path}/marquee.db", name: value}
    command = [sys.executable, "-m", "monitor.api_monitor"]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("api_monitor: ") and done.stderr.count("\n") == 1
