"""A model is judged in a process of its own, which it may break."""

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from ml import artifact, snapshot
from ml.gate import judging
from ml.gate.judging import Case, judged
from ml.knn import KnnModel
from ml.tracking import RATINGS
from store import open_store
from store.port import ModelRef, Store, StoreUnavailable
from store.sqlite import SqliteStore
from tests.ml.gate.world import BAR, model, shuffled, table
from tests.ml.retraining.world import fill


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(f"sqlite://{tmp_path}/marquee.db")) as store:
        fill(store, "2022-04-12")
        snapshot.write(table(12), tmp_path / RATINGS)
        yield store


def _kept(store: Store, made: KnnModel, folder: Path) -> ModelRef:
    folder.mkdir()
    ref = artifact.save(made, folder)
    store.save_model(ref, folder)
    return ref


def _case(folder: Path, ref: ModelRef, serving: ModelRef | None = None) -> Case:
    return Case(f"sqlite://{folder}/marquee.db", ref, serving, folder)


def test_a_good_model_passes_beside_the_one_that_serves(store: Store, tmp_path: Path) -> None:
    new, old = _kept(store, model(12), tmp_path / "new"), _kept(store, model(8), tmp_path / "old")
    verdict = judged(_case(tmp_path, new, old), BAR)
    assert verdict.reasons == ()
    assert {"asked", "recall_recipe", "recall_serving"} <= verdict.figures.keys()


def test_a_model_of_shuffled_ratings_is_refused(store: Store, tmp_path: Path) -> None:
    rows = shuffled(table(12))
    snapshot.write(rows, tmp_path / RATINGS)
    ref = _kept(store, model(12, rows), tmp_path / "new")
    reasons = judged(_case(tmp_path, ref), BAR).reasons
    assert [reason for reason in reasons if "does not surely beat popularity" in reason]


def test_a_model_of_other_ratings_than_its_snapshot_is_refused(store: Store, tmp_path: Path) -> None:
    ref = _kept(store, model(12, shuffled(table(12))), tmp_path / "new")
    assert "a movie that was seen" in judged(_case(tmp_path, ref), BAR).reasons[0]


def test_a_broken_model_is_refused_and_named(store: Store, tmp_path: Path) -> None:
    ref = _kept(store, model(12), tmp_path / "new")
    (tmp_path / "new" / "weight.npy").write_bytes(b"spoilt")
    store.save_model(ref, tmp_path / "new")
    (reason,) = judged(_case(tmp_path, ref), BAR).reasons
    assert reason.startswith("BrokenModel")
    assert "weight.npy" in reason


def test_a_broken_serving_model_bars_nobody(store: Store, tmp_path: Path) -> None:
    new, old = _kept(store, model(12), tmp_path / "new"), _kept(store, model(8), tmp_path / "old")
    (tmp_path / "old" / "weight.npy").write_bytes(b"spoilt")
    store.save_model(old, tmp_path / "old")
    verdict = judged(_case(tmp_path, new, old), BAR)
    assert verdict.reasons == ()
    assert "recall_serving" not in verdict.figures


def test_a_model_that_breaks_its_process_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging.multiprocessing, "get_context", lambda _: _Breaking())
    (reason,) = judged(_case(tmp_path, ModelRef("KNN", "0" * 64)), BAR).reasons
    assert "ended with status -6" in reason


class _Breaking:
    """Processes that abort at once."""

    def __init__(self) -> None:
        self._real = judging.multiprocessing.context.SpawnContext()
        self.Pipe = self._real.Pipe

    def Process(self, **_: object) -> object:  # noqa: N802
        return self._real.Process(target=os.abort, daemon=True)


@pytest.mark.usefixtures("store")
def test_a_trial_that_does_not_end_is_ended(tmp_path: Path) -> None:
    (reason,) = judged(_case(tmp_path, ModelRef("KNN", "0" * 64)), replace(BAR, seconds=0)).reasons
    assert reason == "its trial did not end within 0 s"


def test_a_store_that_is_away_is_no_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Away(SqliteStore):
        def fetch_model(self, *_: object) -> None:
            raise StoreUnavailable("away")

    heard: list[object] = []
    monkeypatch.setattr(judging, "open_store", lambda _: Away(str(tmp_path / "marquee.db")))
    snapshot.write(table(12), tmp_path / RATINGS)
    judging._report(_case(tmp_path, ModelRef("KNN", "0" * 64)), BAR, _Ear(heard))  # type: ignore[arg-type]
    assert isinstance(heard[0], StoreUnavailable)


class _Ear:
    def __init__(self, heard: list[object]) -> None:
        self.send = heard.append
