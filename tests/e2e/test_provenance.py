"""A thousand answers of a running demo, traced and made again, with two changes of models in between."""

import os
import random
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, cached_property, partial
from pathlib import Path
from threading import Event as Signal
from threading import Thread

import pytest
import requests

from ml.provenance.archive import Archive, open_archive
from ml.provenance.reproduce import reproduce
from ml.provenance.retrain import retrain
from ml.provenance.trace import Trace, source, trace
from movielog.events import DAY, Event, Rated, Requested
from movielog.format import format_event
from settings import Settings
from store.port import ModelRef, Window
from store.sqlite import SqliteStore
from tests.e2e.running import ROOT, Demo

ANSWERS = 1000
NEWCOMERS, UNKNOWN = range(10**6, 10**6 + 100), range(10**9, 10**12)
PATIENCE = 120

pytestmark = pytest.mark.real


@dataclass(frozen=True)
class Seen:
    """What a caller got, and when."""

    user: int
    received: int
    model: str
    arm: str
    rung: str
    movies: tuple[str, ...]


@dataclass
class Witness:
    """Asks for known and unknown users, keeps what it got and tells the log of it, until told to stop."""

    url: str
    log: Path
    users: list[int]
    seen: list[Seen] = field(default_factory=list)
    stopping: Signal = field(default_factory=Signal)

    def run(self) -> None:
        chance, session = random.Random(16), requests.Session()
        while not self.stopping.wait(0.01):
            user = chance.choice([*self.users, *NEWCOMERS] if chance.random() < 0.9 else UNKNOWN)
            with suppress(requests.RequestException):
                self._keep(user, session.get(f"{self.url}/recommend/{user}", timeout=5))

    def _keep(self, user: int, answer: requests.Response) -> None:
        """What a busy machine did not answer in time is no answer."""
        if answer.ok:
            received, head, movies = time.time_ns(), answer.headers, tuple(answer.text.split(","))
            named = head["X-Model"], head["X-Arm"], head["X-Rung"]
            self.seen.append(Seen(user, received, *named, movies))
            millis = round(answer.elapsed.total_seconds() * 1000)
            self.tell(Requested(received, user, "127.0.0.1:4000", 200, movies, "", millis))

    def tell(self, event: Event) -> None:
        """Append a line to the log, as the site does."""
        with self.log.open("ab") as log:
            log.write(format_event(event) + b"\n")

    def welcome(self) -> None:
        """Newcomers rate a movie each."""
        with requests.get(f"{self.url}/recommend/{UNKNOWN[0]}", timeout=5) as popular:
            movies = popular.text.split(",")
        for number, user in enumerate(NEWCOMERS):
            self.tell(Rated(time.time_ns(), user, movies[number % len(movies)], 5.0))

    def see(self, more: int) -> None:
        """Wait until so many more answers were seen."""
        wanted, deadline = len(self.seen) + more, time.monotonic() + PATIENCE
        while len(self.seen) < wanted:
            assert time.monotonic() < deadline, f"{len(self.seen)} of {wanted} answers"
            time.sleep(0.1)


@dataclass
class World:
    """A demo's folder and what was seen of it while it ran."""

    folder: Path
    seen: list[Seen]

    @property
    def store(self) -> SqliteStore:
        return SqliteStore(str(self.folder / "marquee.db"))

    @property
    def archive(self) -> Archive:
        return Archive(self.folder / "provenance")

    @cached_property
    def traces(self) -> list[tuple[Seen, Trace]]:
        """A trace of each of a thousand answers, as if its caller asked for it."""
        store, sources, split = self.store, cache(partial(source, self.archive)), Settings().split
        sample = random.Random(4).sample(self.seen, ANSWERS)
        return [(one, trace(store, sources, split, one.user, one.received)) for one in sample]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A demo that answered while its arms got a new model one after the other."""
    demo = Demo(tmp_path_factory.mktemp("demo"))
    try:
        demo.wait_for("/recommend/<userid>")
        folder = demo.folder / "made-up"
        witness = Witness(f"http://127.0.0.1:{demo.port}", folder / "movielog.log", _users(folder))
        witness.welcome()
        thread = Thread(target=witness.run, daemon=True)
        thread.start()
        for arm in (1, 2):
            witness.see(ANSWERS // 3)
            _exchange(folder, arm)
        witness.see(ANSWERS // 3 + 200)
        witness.stopping.set()
        thread.join()
    finally:
        if demo.process.poll() is None:
            demo.interrupt()
    yield World(folder, witness.seen)


def _users(folder: Path) -> list[int]:
    store = SqliteStore(str(folder / "marquee.db"))
    newest = store.newest() or 0
    return sorted(store.watches(Window(newest - DAY, newest))["user"].unique().tolist())


def _exchange(folder: Path, arm: int) -> None:
    """Retrain an arm's model on what has come by now, and let it serve whatever the gate says."""
    settings = re.findall(r"export (\w+)=(.*)", (folder / "settings.sh").read_text())
    environment = os.environ | dict(settings)
    command = [sys.executable, "-m", "ml.automatic_retrain", "--once", "--label", str(arm)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    if done.returncode:
        model = re.findall(rf"KNN_{arm}_[0-9-]+", done.stderr)[0]
        publish = [sys.executable, "-m", "ml.deploy", "publish", model, "--arm", str(arm), "--force"]
        subprocess.run(publish, cwd=ROOT, env=environment, check=True)


def _models(world: World) -> Counter[ModelRef]:
    return Counter(found.models[0] for _, found in world.traces)


@pytest.mark.timeout(400)
def test_each_trace_is_of_the_answer_that_its_caller_got(world: World) -> None:
    for seen, found in world.traces:
        answer = found.served.answer
        assert answer is not None
        assert (answer.model.name, str(answer.arm), answer.rung) == (seen.model, seen.arm, seen.rung)
        assert answer.movies == seen.movies
        assert found.rule_arm == answer.arm
        assert not isinstance(found.sources[0], str)
        assert found.sources[0].data["name"] == seen.model


@pytest.mark.timeout(400)
def test_the_answers_are_of_four_models_and_of_every_rung(world: World) -> None:
    assert len(_models(world)) == 4
    assert {found.served.answer.rung for _, found in world.traces if found.served.answer} >= {
        "knn",
        "recent",
        "popular",
    }


@pytest.mark.timeout(400)
def test_all_are_identical_when_they_are_made_again(world: World) -> None:
    answers = [found.served.answer for _, found in world.traces if found.served.answer]
    found = list(reproduce(world.archive, answers))
    assert sum(each.answers for each in found) == ANSWERS
    assert [line for each in found for line in each.differences] == []


@pytest.mark.timeout(400)
def test_a_fresh_clone_and_the_remote_give_the_same_answers_and_models(world: World, tmp_path: Path) -> None:
    subprocess.run(
        ["git", "clone", "--quiet", str(world.archive.folder), str(tmp_path / "clone")], check=True
    )
    answers = [found.served.answer for _, found in world.traces if found.served.answer]
    with open_archive(str(tmp_path / "clone")) as clone:
        for each in reproduce(clone, answers):
            assert not each.differences
        for model in _models(world):
            assert retrain(clone, model).differences == []
