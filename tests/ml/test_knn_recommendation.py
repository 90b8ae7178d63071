"""From the store's events to a model that serves, by the command that users type."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ml import KNN_recommendation as command
from ml import artifact, routes
from ml.knn import Params
from ml.matrix import interactions, snapshot
from ml.training import model_name, train
from movielog.events import DAY, Rated
from store import open_store
from store.port import Batch, Store, Viewing, Window
from tests.ml.worlds import matrix, ratings, tastes, watches

FIRST_DAY = 19_090
LAST_DATE = "2022-04-17"
ROOT = Path(command.__file__).parent.parent


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Ten days of ratings, and one user who only watched."""
    url = f"sqlite://{tmp_path}/marquee.db"
    monkeypatch.setenv("STORE_URL", url)
    store = open_store(url)
    given = [Rated(FIRST_DAY * DAY + t, u, m, r) for u, m, t, r in tastes(200, 60).itertuples(index=False)]
    start = (FIRST_DAY + 9) * DAY
    viewing = Viewing(FIRST_DAY + 9, 999, "m1", start, start + 1, (1 << 90) - 1)
    store.record(Batch(ratings=given, viewings=[viewing]))
    return store


def test_a_model_is_trained_kept_and_serves_its_arm(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["1"]) == 0
    assert command.main(["2", "--until", "2022-04-12", "--days", "3"]) == 0
    served = routes.serving(store.routes())
    assert [served[arm].name for arm in (1, 2)] == [f"KNN_1_{LAST_DATE}", "KNN_2_2022-04-12"]
    model = artifact.fetch(store, served[2], tmp_path / "cache")
    assert model.window == Window((FIRST_DAY + 2) * DAY, (FIRST_DAY + 5) * DAY)
    printed = capsys.readouterr()
    assert "window from 2022-04-13 to 2022-04-17" in printed.out
    assert printed.out.count("popularity") == 2
    assert "trained in" in printed.err


def test_the_model_holds_the_windows_ratings_and_watches(store: Store, tmp_path: Path) -> None:
    command.main(["1", "--days", "10"])
    model = artifact.fetch(store, store.models()[0], tmp_path / "cache")
    expected = matrix(tastes(200, 60))
    assert model.tables.users.tolist() == [*expected.users.tolist(), 999]
    assert model.row(999) == {"m1": 0.8}
    assert len(model.tables.movie) == len(expected.movie) + 1


def test_training_again_on_the_same_window_is_the_same_model(store: Store) -> None:
    for _ in range(2):
        assert command.main(["1"]) == 0
    assert len(store.models()) == 1


@pytest.mark.usefixtures("store")
def test_the_report_tells_of_a_last_day_without_returning_users(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["1", "--days", "1"]) == 0
    assert "cannot be foretold" in capsys.readouterr().out


def test_an_empty_window_is_named_together_with_where_events_are(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["1", "--until", "2001-01-05"]) == 2
    error = capsys.readouterr().err
    assert "from 2001-01-01 to 2001-01-05" in error
    assert LAST_DATE in error
    assert not store.models()


def test_an_empty_store_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STORE_URL", f"sqlite://{tmp_path}/new.db")
    assert command.main(["1"]) == 2
    assert "new.db" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [["3"], ["x"], ["1", "--until", "2022-02-30"], ["1", "--days", "0"], ["1", "--days", "x"], []],
)
def test_wrong_arguments_are_refused_in_a_sentence(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        command.main(arguments)
    assert "error:" in capsys.readouterr().err


def test_it_runs_by_its_path_from_anywhere(store: Store, tmp_path: Path) -> None:
    script = ROOT / "ml" / "KNN_recommendation.py"
    subprocess.run([sys.executable, str(script), "1"], cwd=tmp_path, env=os.environ, check=True, timeout=60)
    assert store.models()[0].name == f"KNN_1_{LAST_DATE}"


def test_the_name_is_label_and_last_day() -> None:
    assert model_name(2, Window(0, 2 * DAY)) == "KNN_2_1970-01-02"


def test_nothing_to_train_on_is_an_error() -> None:
    with pytest.raises(ValueError, match="nobody"):
        train(interactions(snapshot(ratings([]), watches([]))), 1, Window(0, DAY), Params())
