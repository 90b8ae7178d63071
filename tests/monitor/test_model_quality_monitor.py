"""The monitor on a store: what it shows, and what it does while the store is away."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from math import isnan
from pathlib import Path

import pytest
import requests
from prometheus_client import CollectorRegistry

from ml.split import parse_split
from monitor import model_quality_monitor
from monitor.quality.assessor import Assessor
from monitor.quality.exporter import Exporter
from monitor.quality.figures import MEANINGS, Figure
from movielog.events import SECOND
from movielog.stopping import Stop, Stopped
from store import open_store
from store.port import Answer, ModelRef, Route, StoreUnavailable
from tests.fakes import MemoryStore
from tests.monitor.quality.recount import recount
from tests.monitor.quality.world import MODELS, Told, in_parts, some_world, tell
from tests.movielog.recount import START
from tests.servers.process import free_port

ROOT = Path(__file__).parents[2]
HOUR = 3600 * SECOND
FOUR = ("record_accuracy", "recommendation_accuracy", "average_rating", "average_top_rating")
HALF = parse_split("hash:marquee:50")


def route(store: MemoryStore, number: int, time: int, action: str = "publish") -> None:
    models = {arm: ModelRef(names[0], str(number // 3) * 64) for arm, names in MODELS.items()}
    store.add_route(Route(number, time, models, action, "me", "a test"))


def online(figures: Sequence[Figure], window: str) -> dict[tuple[str, str], dict[str, float | None]]:
    """The four metrics by arm and model."""
    found: dict[tuple[str, str], dict[str, float | None]] = {}
    for figure in figures:
        name = figure.name.removeprefix("online_")
        if figure.labels.get("window") == window and name in FOUR:
            group = found.setdefault((figure.labels["arm"], figure.labels["model"]), {})
            group[name] = None if isnan(figure.value) else figure.value
    return found


def four(counted: dict[tuple[int, str], dict[str, float | None]]) -> dict[tuple[str, str], object]:
    return {(str(arm), model): {name: row[name] for name in FOUR} for (arm, model), row in counted.items()}


@pytest.mark.parametrize("seed", range(4))
def test_the_experiment_and_both_windows_are_what_a_slow_recount_gives(seed: int) -> None:
    store, world = MemoryStore(), some_world(seed, hours=30)
    began = START + 2 * HOUR
    route(store, 1, START - 10 * HOUR)
    route(store, 2, START - 9 * HOUR, "rollback")
    route(store, 3, began)
    route(store, 4, began + HOUR, "rollback")
    assessor = Assessor(store, HALF, 5)
    for new, known in in_parts(world, random.Random(seed)):
        tell(store, new)
        figures = assessor.update()
        end = (store.newest() or 0) + 1
        assert online(figures, "1h") == four(recount(known, end - HOUR, end))
        assert online(figures, "24h") == four(recount(known, end - 24 * HOUR, end))
    merged = [_as_serving(told) for told in world]
    expected = four(recount(merged, began, end)) if end > began else {}
    assert online(figures, "experiment") == expected


def _as_serving(told: Told) -> Told:
    """The model of an answer is that of its arm: an experiment counts arms."""
    if not isinstance(told.event, Answer):
        return told
    model = ModelRef(MODELS[told.event.arm][0], "a" * 64)
    return replace(told, event=replace(told.event, model=model))


def test_every_figure_has_a_meaning_and_one_set_of_labels() -> None:
    store = MemoryStore()
    route(store, 1, START - 2 * HOUR)
    tell(store, some_world(1))
    figures = Assessor(store, HALF, 5).update()
    assert {figure.name for figure in figures} <= MEANINGS.keys()
    assert len({(figure.name, *figure.labels) for figure in figures}) == len(
        {figure.name for figure in figures}
    )
    assert len({(figure.name, *figure.labels.values()) for figure in figures}) == len(figures)


def test_an_empty_store_has_nothing_to_say() -> None:
    assert Assessor(MemoryStore(), HALF, 5).update() == []


class Flaky(MemoryStore):
    """Away at chosen reads."""

    def __init__(self) -> None:
        super().__init__()
        self.reads, self.away = 0, set[int]()

    def _read(self) -> None:
        self.reads += 1
        if self.reads in self.away:
            raise StoreUnavailable("the store is out for lunch")

    def requests(self, window):
        self._read()
        return super().requests(window)

    def watches(self, window):
        self._read()
        return super().watches(window)

    def ratings(self, window):
        self._read()
        return super().ratings(window)

    def answers(self, window):
        self._read()
        return super().answers(window)


def test_a_store_that_goes_away_amid_any_read_leaves_the_figures_right() -> None:
    world, flaky, chance = some_world(7), Flaky(), random.Random(7)
    flaky.away = set(chance.sample(range(1, 400), 120))
    assessor, failures = Assessor(flaky, HALF, 5), 0
    for new, known in in_parts(world, chance):
        tell(flaky, new)
        while True:
            try:
                figures = assessor.update()
                break
            except StoreUnavailable:
                failures += 1
        end = (flaky.newest() or 0) + 1
        assert online(figures, "1h") == four(recount(known, end - HOUR, end))
    assert failures > 10


def test_a_failed_update_is_counted_and_what_was_shown_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_quality_monitor, "PAUSE_SECONDS", 0.0)
    store, registry, stop = MemoryStore(), CollectorRegistry(), Stop()
    exporter = Exporter(registry)
    outcomes = iter(["shown", "away", "away", "end"])

    class Once:
        def update(self) -> list[Figure]:
            outcome = next(outcomes)
            if outcome == "end":
                stop.ask()
            if outcome == "away":
                raise StoreUnavailable("the store is out for lunch")
            return [Figure("drift_psi", {"of": "movies"}, 0.5)]

    with pytest.raises(Stopped):
        model_quality_monitor.follow(store, Once(), exporter, stop)
    assert registry.get_sample_value("model_quality_failures_total", {"of": "store"}) == 2
    assert registry.get_sample_value("drift_psi", {"of": "movies"}) == 0.5
    assert registry.get_sample_value("model_quality_updated_timestamp_seconds") == pytest.approx(
        time.time(), abs=60
    )


def test_the_process_shows_its_figures_and_ends_at_a_signal(tmp_path: Path) -> None:
    store, port = open_store(f"sqlite://{tmp_path}/marquee.db"), free_port()
    tell(store, some_world(7))
    route(store, 1, START - 2 * HOUR)
    store.close()
    environ = os.environ | {"STORE_URL": f"sqlite://{tmp_path}/marquee.db", "METRICS_PORT": str(port)}
    command = [sys.executable, "-m", "monitor.model_quality_monitor"]
    process = subprocess.Popen(command, cwd=ROOT, env=environ)
    try:
        deadline = time.monotonic() + 60
        while 'online_users{arm="1"' not in _page(port) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert "experiment_start_timestamp_seconds" in _page(port)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    finally:
        process.kill()


def _page(port: int) -> str:
    try:
        return requests.get(f"http://127.0.0.1:{port}/metrics", timeout=5).text
    except requests.ConnectionError:
        return ""


@pytest.mark.parametrize(("name", "value"), [("STORE_URL", "ftp://x"), ("SPLIT", "by-mood")])
def test_what_the_user_got_wrong_is_one_sentence(tmp_path: Path, name: str, value: str) -> None:
    environ = os.environ | {"STORE_URL": f"sqlite://{tmp_path}/marquee.db", name: value}
    command = [sys.executable, "-m", "monitor.model_quality_monitor"]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("model_quality_monitor: ") and done.stderr.count("\n") == 1
