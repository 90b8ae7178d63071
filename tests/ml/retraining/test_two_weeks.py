"""Two weeks of a log, three retrains, and a scheduler that is killed wherever that could do harm."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from ml.retraining import lease
from ml.routes import serving
from service.holder import Holder
from service.telemetry import Telemetry
from store.port import FAILED, PUBLISHED, Store, Window
from tests.ml.retraining import dying
from tests.ml.retraining.world import ROOT, Place, fill

PATIENCE = 120


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setattr(lease, "SECONDS", dying.LEASE_SECONDS)
    return Place(tmp_path)


@pytest.fixture
def store(place: Place) -> Iterator[Store]:
    with closing(place.store()) as store:
        yield store


class Schedulers:
    """Processes of the scheduler on a place."""

    def __init__(self, place: Place) -> None:
        self._environment = os.environ | place.environment

    def start(self, step: str = "no") -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.ml.retraining.dying", step]
        return subprocess.Popen(command, cwd=ROOT, env=self._environment)

    def die_in(self, step: str) -> None:
        assert self.start(step).wait(PATIENCE) == -signal.SIGKILL


def _wait_for_retrain(store: Store, name: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not any(one.name == name and one.outcome == PUBLISHED for one in store.retrains()):
        assert time.monotonic() < deadline, store.retrains()
        time.sleep(0.1)


def _look_until(place: Place, store: Store, retrains: int) -> None:
    """Look as the scheduler does, past the lease of whoever was killed, until all is made and pushed."""
    retrainer, deadline = place.retrainer(), time.monotonic() + PATIENCE
    while True:
        retrainer.look()
        published = [one for one in store.retrains() if one.outcome == PUBLISHED]
        if len(published) == retrains and "provenance_backlog 0.0" in place.page():
            return
        assert time.monotonic() < deadline, store.retrains()
        time.sleep(0.1)


@pytest.mark.timeout(600)
def test_three_retrains_of_which_all_were_killed_are_three_stages_three_routes_and_whole_models(
    place: Place, store: Store
) -> None:
    telemetry = Telemetry(None)
    holder = Holder(place.store, place.folder / "models", telemetry, pause=0.1)
    schedulers = Schedulers(place)
    try:
        _first_retrain(store, schedulers)
        fill(store, "2022-04-10", since="2022-04-09")
        assert place.retrainer().look() is None
        _second_retrain(place, store, schedulers)
        _third_retrain(place, store, schedulers)
        holder.follow()
        assert [holder.serving()[arm].ref for arm in (1, 2)] == [
            serving(store.routes())[arm] for arm in (1, 2)
        ]
    finally:
        holder.close()
    assert b"recommend_models_refused_total 0.0" in telemetry.page()
    _check_what_there_is(place, store)


def _first_retrain(store: Store, schedulers: Schedulers) -> None:
    """Killed twice; then two schedulers are at it at once."""
    fill(store, "2022-04-08")
    schedulers.die_in("snapshot")
    schedulers.die_in("train")
    both = [schedulers.start(), schedulers.start()]
    _wait_for_retrain(store, "KNN_1_2022-04-08")
    for process in both:
        process.send_signal(signal.SIGTERM)
    assert [process.wait(PATIENCE) for process in both] == [0, 0]


def _second_retrain(place: Place, store: Store, schedulers: Schedulers) -> None:
    """Due since the 11th, and nobody was there; then killed three times, at last when it serves already."""
    fill(store, "2022-04-12", since="2022-04-11")
    for step in ("check", "before the route", "push"):
        schedulers.die_in(step)
    assert serving(store.routes())[2].name == "KNN_2_2022-04-12"
    _look_until(place, store, retrains=2)


def _third_retrain(place: Place, store: Store, schedulers: Schedulers) -> None:
    """Killed when it serves, and nobody knows that yet."""
    fill(store, "2022-04-16", since="2022-04-13")
    schedulers.die_in("after the route")
    _look_until(place, store, retrains=3)


def _check_what_there_is(place: Place, store: Store) -> None:
    names = ["KNN_1_2022-04-08", "KNN_2_2022-04-12", "KNN_2_2022-04-16"]
    assert place.stages() == names
    assert [tag.partition("@")[0] for tag in place.git("tag", "--sort=creatordate").split()] == names
    assert [ref.name for ref in store.models()] == names
    assert [{arm: ref.name for arm, ref in route.models.items()} for route in store.routes()] == [
        {1: names[0]},
        {1: names[0], 2: names[1]},
        {1: names[0], 2: names[2]},
    ]
    assert [one.outcome for one in store.retrains()] == [
        FAILED,
        FAILED,
        PUBLISHED,
        FAILED,
        FAILED,
        *[PUBLISHED] * 2,
    ]
    windows = [one.window for one in store.retrains() if one.outcome == PUBLISHED]
    assert windows == [Window.until(date(2022, 4, day), 5) for day in (8, 12, 16)]
    assert not place.git("status", "--porcelain")
