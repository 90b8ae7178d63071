"""What a model is made from, as files, and the model made from nothing but them."""

import hashlib
import json
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from ml import artifact, snapshot, training
from ml.knn import Params
from ml.matrix import interactions
from ml.matrix import snapshot as joined
from ml.retraining import inputs
from ml.retraining.inputs import Order
from ml.retraining.train import main, train
from ml.tracking import DATA, MODEL, RATINGS
from movielog.events import DAY
from store.port import Window
from tests.ml.worlds import ratings, tastes, watches

WINDOW = Window.until(date(2022, 4, 12), 5)
ORDER = Order("KNN_2_2022-04-12", 2, WINDOW, Params(neighbours=9), "hash:marquee:50")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    given = tastes(60, 40)
    given["time"] += WINDOW.start - 5 * DAY
    table = joined(given, watches([(7, "caf\u00e9+1999", WINDOW.start, 80)]))
    inputs.write(table, ORDER, tmp_path)
    return tmp_path


def test_what_was_written_is_read(folder: Path) -> None:
    said = inputs.read(folder)
    assert Order(said.name, said.label, said.window, said.params, said.split) == ORDER
    content = (folder / RATINGS).read_bytes()
    table = snapshot.read(folder / RATINGS)
    assert said.snapshot == {
        "rows": len(table),
        "users": table["user"].nunique(),
        "movies": table["movie"].nunique(),
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def test_it_says_the_window_in_words_and_numbers_and_what_computed(folder: Path) -> None:
    said = json.loads((folder / DATA).read_text())
    assert said["window"] == {
        "start": "2022-04-08T00:00:00+00:00",
        "end": "2022-04-13T00:00:00+00:00",
        "start_ns": WINDOW.start,
        "end_ns": WINDOW.end,
    }
    assert {"numpy", "numba", "dvc"} <= said["libraries"].keys()
    assert said["python"] == ".".join(map(str, sys.version_info[:3]))


def test_training_from_the_files_is_training_from_the_snapshot(folder: Path, tmp_path: Path) -> None:
    ref = train(folder, folder / MODEL)
    data = interactions(snapshot.read(folder / RATINGS))
    direct = training.train(data, 2, WINDOW, Params(neighbours=9))
    other = tmp_path / "other"
    other.mkdir()
    assert artifact.save(direct, other) == ref == artifact.ref_of(folder / MODEL)


def test_training_again_elsewhere_is_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in (RATINGS, DATA):
        shutil.copy(folder / file, copy)
    assert train(copy, copy / MODEL) == train(folder, folder / MODEL)
    for file in (folder / MODEL).iterdir():
        assert (copy / MODEL / file.name).read_bytes() == file.read_bytes()


def test_a_model_that_is_there_is_replaced(folder: Path) -> None:
    (folder / MODEL).mkdir()
    (folder / MODEL / "left.npy").write_bytes(b"half")
    train(folder, folder / MODEL)
    assert not (folder / MODEL / "left.npy").exists()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"name": "KNN_1_2022-04-12"}, "label and window give KNN_2_2022-04-12, not KNN_1_2022-04-12"),
        ({"window": None}, "not what a retrain writes"),
        ({"params": {"speed": 1}}, "not what a retrain writes"),
    ],
)
def test_wrong_files_are_named(
    change: dict, told: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / DATA).write_text(json.dumps(json.loads((folder / DATA).read_text()) | change))
    assert main([str(folder)]) == 2
    assert told in capsys.readouterr().err


def _git(folder: Path, *arguments: str) -> None:
    author = ["-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", "-C", str(folder), *author, *arguments], check=True, capture_output=True)


def test_the_code_is_a_commit_and_whether_it_was_changed_since(tmp_path: Path) -> None:
    _git(tmp_path, "init")
    (tmp_path / "code.py").write_text("1")
    _git(tmp_path, "add", "--all")
    _git(tmp_path, "commit", "-m", "one")
    commit, dirty = inputs.code(tmp_path)
    assert len(commit) == 40
    assert not dirty
    (tmp_path / "dvc.lock").write_text("of a run by hand")
    assert inputs.code(tmp_path) == (commit, False)
    (tmp_path / "code.py").write_text("2")
    assert inputs.code(tmp_path) == (commit, True)


def test_in_an_image_the_commit_is_what_it_was_built_from(tmp_path: Path) -> None:
    (tmp_path / "GIT_COMMIT").write_text("abc\n")
    assert inputs.code(tmp_path) == ("abc", False)


def test_code_without_a_history_is_unknown(tmp_path: Path) -> None:
    assert inputs.code(tmp_path) == ("unknown", False)


def test_no_ratings_are_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    inputs.write(joined(ratings([]), watches([])), ORDER, tmp_path)
    assert main([str(tmp_path)]) == 2
    assert "nothing to train on" in capsys.readouterr().err
