"""The whole loop as a newcomer starts it, on ports and in a folder of its own."""

import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from ml.split import parse_split
from movielog.events import DAY
from settings import Settings
from store.port import Window
from store.sqlite import SqliteStore
from tests.e2e.running import ROOT, Demo

ID = re.compile(r"[^\s,/=]+")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    running = Demo(tmp_path_factory.mktemp("demo"))
    yield running
    running.interrupt()


@pytest.fixture
def store(demo: Demo) -> SqliteStore:
    return SqliteStore(str(demo.folder / "made-up" / "marquee.db"))


@pytest.mark.timeout(180)
def test_it_says_what_to_try_and_reports_both_arms(demo: Demo) -> None:
    demo.wait_for("/recommend/<userid>")
    line = demo.wait_for("arm 2: record acc")
    assert "arm 1: record acc" in line
    assert "within 750 ms" in line


@pytest.mark.timeout(180)
def test_answers_are_well_formed_and_hold_nothing_seen(demo: Demo, store: SqliteStore) -> None:
    demo.wait_for("/recommend/<userid>")
    newest = store.newest()
    assert newest is not None
    users = store.watches(Window(newest - DAY, newest))["user"].drop_duplicates().head(50)
    for user in [*users.tolist(), 10**17]:
        before = {one.movie for one in store.history(user)}
        answer = demo.recommend(user)
        movies = answer.text.strip().split(",")
        assert answer.status_code == 200
        assert 0 < len(movies) <= 20
        assert len(set(movies)) == len(movies)
        assert all(map(ID.fullmatch, movies))
        assert not before & set(movies)


@pytest.mark.timeout(180)
def test_the_arms_in_headers_and_store_are_those_of_the_split_rule(demo: Demo, store: SqliteStore) -> None:
    demo.wait_for("arm 2: record acc")
    split = parse_split(Settings().split)
    for user in range(20):
        assert demo.recommend(user).headers["X-Arm"] == str(split.arm(user))
    answers = store.answers(Window(0, 2**63 - 1))
    assert set(answers["arm"]) == {1, 2}
    assert (answers["arm"] == answers["user"].map(split.arm)).all()
    assert answers.groupby("arm")["model"].nunique().tolist() == [1, 1]
    assert answers["model"].nunique() == 2


@pytest.mark.timeout(180)
def test_an_interrupt_ends_all_it_started(demo: Demo) -> None:
    demo.wait_for("arm 2: record acc")
    demo.interrupt()
    time.sleep(0.5)
    left = subprocess.run(
        ["pgrep", "-f", str(demo.folder)], capture_output=True, text=True, check=False
    ).stdout
    assert not left.split()
    with pytest.raises(requests.ConnectionError):
        demo.recommend(1)


def test_a_taken_port_is_named_with_what_to_set(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "demo", "--folder", str(tmp_path), "--port", str(port)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"port {port} is taken: choose another with `make demo PORT=...`" in done.stderr
