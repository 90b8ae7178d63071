"""The commands that are typed by hand, as they are typed."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import yaml

from ml import artifact, automatic_retrain
from ml.retraining.inputs import ROOT
from store.port import PUBLISHED, Store
from tests.ml.retraining.world import Place, fill


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    place = Place(tmp_path)
    for name, value in place.environment.items():
        monkeypatch.setenv(name, value)
    return place


@pytest.fixture
def store(place: Place) -> Iterator[Store]:
    with closing(place.store()) as store:
        yield store


def test_svd_sh_is_one_tracked_retrain_of_a_label_until_a_date(place: Place, store: Store) -> None:
    fill(store, "2022-04-12")
    subprocess.run([ROOT / "ml" / "svd.sh", "2", "2022-04-10"], cwd=place.folder, check=True)
    (retrain,) = store.retrains()
    assert (retrain.outcome, retrain.name) == (PUBLISHED, "KNN_2_2022-04-10")
    assert place.stages() == ["KNN_2_2022-04-10"]


def test_svd_sh_without_its_arguments_says_what_it_takes() -> None:
    done = subprocess.run([ROOT / "ml" / "svd.sh", "2"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "LABEL DATE" in done.stderr


def test_once_ends_with_1_where_no_model_serves(store: Store) -> None:
    fill(store, "2022-04-05")
    assert automatic_retrain.main(["--once"]) == 1


@pytest.mark.usefixtures("store")
def test_an_empty_store_and_a_wrong_parameter_are_named(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    assert automatic_retrain.main(["--once"]) == 2
    assert "holds no events" in capsys.readouterr().err
    place.write_parameters({"margin": "wide"})
    assert automatic_retrain.main(["--once"]) == 2
    assert "gate.margin is 'wide'; expected a number from 0" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--now", "soon"], ["--label", "3"], ["--every", "x"]])
def test_wrong_arguments_are_refused_in_a_sentence(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        automatic_retrain.main(arguments)
    assert "error:" in capsys.readouterr().err


@pytest.fixture
def checkout(place: Place) -> Path:
    """What DVC needs of the checkout, elsewhere."""
    folder = place.folder / "checkout"
    folder.mkdir()
    for name in (".dvc", "dvc.yaml", "params.yaml"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    given = yaml.safe_load((folder / "dvc.yaml").read_text().replace(".venv/bin/python", sys.executable))
    (folder / "dvc.yaml").write_text(yaml.safe_dump(given))
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    return folder


def _dvc(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PARAMS": str(checkout / "params.yaml")}
    command = [sys.executable, "-m", "dvc", *arguments]
    return subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False)


def test_dvc_repro_makes_and_judges_the_model_that_the_parameters_name(checkout: Path, store: Store) -> None:
    fill(store, "2022-04-12")
    done = _dvc(checkout, "repro")
    assert done.returncode == 0, done.stderr
    assert "would pass the gate" in done.stdout
    made = checkout / "data" / "by-hand"
    assert artifact.load(made / "model").name == "KNN_2_2022-04-12"
    assert json.loads((made / "gate.json").read_text())["passes"]
    assert not store.models()

    (checkout / "params.yaml").write_text((checkout / "params.yaml").read_text().replace("seed:", "sead:"))
    wrong = _dvc(checkout, "repro")
    assert wrong.returncode
    assert "seed" in wrong.stderr
