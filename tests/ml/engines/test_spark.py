"""Spark makes the model that this machine makes, byte for byte."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ml.knn import Params
from ml.matrix import snapshot
from ml.retraining import inputs
from ml.retraining.inputs import Order
from ml.tracking import MODEL
from movielog.events import DAY
from store.port import Window
from tests.ml.worlds import tastes, watches

ROOT = Path(inputs.ROOT)
WINDOW = Window(0, 10 * DAY)

pytestmark = [pytest.mark.real, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a model is made from."""
    folder = tmp_path_factory.mktemp("inputs")
    order = Order("KNN_1_1970-01-10", 1, WINDOW, Params(neighbours=20), "hash:marquee:50")
    inputs.write(snapshot(tastes(400, 90), watches([])), order, folder)
    return folder


def _trained(folder: Path, environ: dict[str, str], *arguments: str) -> str:
    """What the command says of the model: its name and digest."""
    command = [sys.executable, "-m", "ml.retraining.train", str(folder), *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (folder / MODEL / "manifest.json").exists()
    return done.stdout.strip().splitlines()[-1]


def test_on_threads_of_this_machine(folder: Path, spark_environ: dict[str, str]) -> None:
    here = _trained(folder, dict(os.environ))
    assert _trained(folder, spark_environ, "--engine", "spark", "--master", "local[2]") == here


def test_on_a_cluster_of_two_workers(folder: Path, spark_environ: dict[str, str], spark_cluster: str) -> None:
    here = _trained(folder, dict(os.environ))
    assert _trained(folder, spark_environ, "--engine", "spark", "--master", spark_cluster) == here
