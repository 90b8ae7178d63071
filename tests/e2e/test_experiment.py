"""A live experiment with a truly better arm: service, audience, ingest, store and comparison as processes."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml import routes, snapshot
from ml.knn import Params
from ml.matrix import interactions
from ml.training import keep, train
from movielog.times import day_of
from store.port import Store, Window
from store.sqlite import SqliteStore
from tests.service.running import Service

ROOT = Path(__file__).parents[2]
AUDIENCE = ("--users", "1500", "--movies", "400", "--seed", "7")
PATIENCE = 240

pytestmark = pytest.mark.real


@pytest.fixture
def settings(tmp_path: Path) -> Mapping[str, str]:
    return {
        "MOVIELOG_URL": f"file://{tmp_path}/movielog.log",
        "STORE_URL": f"sqlite://{tmp_path}/marquee.db",
        "SPLIT": "hash:live:50",
        "METRICS_PORT": "0",
    }


def _run(settings: Mapping[str, str], *command: str, cwd: Path = ROOT) -> str:
    environment = os.environ | settings | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, *command],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@contextmanager
def _running(settings: Mapping[str, str], *command: str) -> Iterator[None]:
    process = subprocess.Popen(
        [sys.executable, *command], cwd=ROOT, env=os.environ | settings, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


def _serve_two_models(store: Store) -> None:
    """Arm 1 gets a model of the same days in which the movies' names were shuffled."""
    window = Window.until(day_of(store.newest() or 0), 6)
    table = snapshot.take(store, window)
    for label, seen in ((1, _shuffled(table)), (2, table)):
        ref = keep(store, train(interactions(seen), label, window, Params()))
        routes.publish(store, label, ref, "for the experiment")


def _shuffled(table: pd.DataFrame) -> pd.DataFrame:
    names = table["movie"].cat.categories
    others = np.random.default_rng(1).permutation(names)
    movie = table["movie"].cat.rename_categories(dict(zip(names, others, strict=True)))
    return table.assign(movie=movie.cat.reorder_categories(sorted(others)))


@pytest.mark.timeout(400)
def test_a_live_experiment_finds_the_better_model(settings: Mapping[str, str], tmp_path: Path) -> None:
    _run(settings, "-m", "movielog.simulate", "history", *AUDIENCE)
    _run(settings, "-m", "movielog.ingest", "--once")
    store = SqliteStore(str(tmp_path / "marquee.db"))
    _serve_two_models(store)
    with ExitStack() as processes:
        service = processes.enter_context(Service(tmp_path, **settings))
        service.wait_until_ready()
        url = f"http://127.0.0.1:{service.port}"
        live = ("live", "--url", url, "--rate", "50", "--speed", "2400", *AUDIENCE)
        processes.enter_context(_running(settings, "-m", "movielog.ingest"))
        processes.enter_context(_running(settings, "-m", "movielog.simulate", *live))
        told = _run(
            settings, str(ROOT / "ml" / "ABtesting.py"), "--hours", "40s", "--every", "10s", cwd=tmp_path
        )
    found = json.loads((tmp_path / "experiment.json").read_text())
    last = found["looks"][-1]
    assert "VERDICT  new is better in" in told
    assert (last["look"], last["outcome"]) == (4, "new is better")
    assert last["metrics"]["recommendation_accuracy"]["estimate"] < 0
    assert not last["split"]["broken"]
    assert [look.results["outcome"] for look in store.evaluations()][-1] == "new is better"
    assert found["looks"][0]["arms"]["old"]["users"] < last["arms"]["old"]["users"]
