"""Where models come from, of a real provenance repository and without one."""

from pathlib import Path

import pytest

from ml.abtest.origins import origins
from ml.abtest.report import Model
from ml.provenance.records import File, Record
from tests.ml.abtest.world import NEW, OLD


@pytest.fixture
def run() -> Record:
    data = {
        "commit": "f" * 40,
        "snapshot": {"rows": 13683, "users": 1435, "movies": 781},
        "params": {"liking": 0.5},
    }
    files = [File(f"{NEW.name}/model", "a" * 32, 4096, 9)]
    return Record(NEW, NEW.name, f"{NEW.name}@bbbb", "c" * 40, "python", files, data)


def test_without_a_repository_the_reason_is_told_of_each_model(tmp_path: Path) -> None:
    found = origins(str(tmp_path / "nowhere"), [OLD, NEW])
    assert set(found) == {OLD, NEW}
    assert all("is no provenance repository" in str(each) for each in found.values())


def test_a_model_has_its_run_or_the_reason_why_none_is_known(run: Record) -> None:
    assert Model.of(NEW, [], [], run).run == run
    unknown = Model.of(OLD, [], [], "no tracked run made it")
    assert (unknown.run, unknown.no_run) == (None, "no tracked run made it")
