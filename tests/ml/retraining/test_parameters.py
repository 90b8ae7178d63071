from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from ml.knn import Params
from ml.retraining import parameters
from ml.retraining.inputs import ROOT
from ml.retraining.parameters import ParameterError

GIVEN = yaml.safe_load((ROOT / "params.yaml").read_text())


def _file(folder: Path, given: Any) -> Path:
    path = folder / "params.yaml"
    path.write_text(given if isinstance(given, str) else yaml.safe_dump(given))
    return path


def test_the_projects_own_file_is_the_chosen_knn() -> None:
    assert parameters.read(ROOT / "params.yaml").knn == Params()


def test_a_number_of_neighbours_from_elsewhere_replaces_the_files() -> None:
    assert parameters.read(ROOT / "params.yaml", 7).knn == Params(neighbours=7)


@pytest.mark.parametrize(
    ("section", "change", "told"),
    [
        ("knn", {"neighbors": 5}, "knn does not know neighbors; expected neighbours, activity"),
        ("knn", {"neighbours": 1.5}, "knn.neighbours is 1.5; expected a whole number from 0"),
        ("knn", {"neighbours": True}, "knn.neighbours is True; expected a whole number"),
        ("knn", {"activity": "much"}, "knn.activity is 'much'; expected a number from 0"),
        ("gate", {"margin": -0.1}, "gate.margin is -0.1; expected a number from 0"),
        ("data", {"largest_jump": None}, "data.largest_jump is None"),
        ("by_hand", {"until": 20220412}, "by_hand.until is 20220412; expected some text"),
    ],
)
def test_a_wrong_parameter_is_named_with_what_is_expected(
    section: str, change: dict[str, Any], told: str, tmp_path: Path
) -> None:
    path = _file(tmp_path, GIVEN | {section: GIVEN[section] | change})
    with pytest.raises(ParameterError) as error:
        parameters.read(path)
    assert told in str(error.value)
    assert str(path) in str(error.value)


def test_a_date_may_stand_there_without_quotes(tmp_path: Path) -> None:
    path = _file(tmp_path, GIVEN | {"by_hand": GIVEN["by_hand"] | {"until": date(2022, 4, 12)}})
    assert "until: 2022-04-12" in path.read_text()
    assert parameters.read(path).by_hand.until == "2022-04-12"


def test_a_missing_parameter_is_named(tmp_path: Path) -> None:
    gate = {name: value for name, value in GIVEN["gate"].items() if name != "seed"}
    with pytest.raises(ParameterError, match="gate lacks seed"):
        parameters.read(_file(tmp_path, GIVEN | {"gate": gate}))


@pytest.mark.parametrize("given", ["", "- 1\n", "knn: [\n", "just text"])
def test_a_file_of_another_kind_is_refused(given: str, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"params\.yaml"):
        parameters.read(_file(tmp_path, given))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"nowhere\.yaml"):
        parameters.read(tmp_path / "nowhere.yaml")
