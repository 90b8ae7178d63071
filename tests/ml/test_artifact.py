"""A model as files: what is read back is what was saved, or it is refused."""

import json
import os
import random
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from ml import artifact
from ml.artifact import MANIFEST, BrokenModel
from ml.knn import KnnModel, Params, fit
from store.port import ModelRef, StoreError, Window
from store.sqlite import SqliteStore
from tests.ml.worlds import matrix, ratings, tastes

FILES = [MANIFEST, "lengths.npy", "movies.npy", "users.npy", "indptr.npy", "movie.npy", "weight.npy",
         "neighbours.npy", "similarities.npy"]  # fmt: skip


@pytest.fixture(scope="module")
def model() -> KnnModel:
    return fit(matrix(tastes(150, 90)), Params(neighbours=12), "KNN_2_2022-04-08", Window(0, 5))


@pytest.fixture
def saved(model: KnnModel, tmp_path: Path) -> tuple[Path, ModelRef]:
    folder = tmp_path / "model"
    folder.mkdir()
    return folder, artifact.save(model, folder)


def test_what_is_read_back_recommends_the_same(model: KnnModel, saved: tuple[Path, ModelRef]) -> None:
    folder, ref = saved
    back = artifact.load(folder, ref.digest)
    assert (back.name, back.window, back.params, back.movies) == (
        model.name,
        model.window,
        model.params,
        model.movies,
    )
    for user in range(160):
        assert back.recommend(user, {"m1": 0.7}) == model.recommend(user, {"m1": 0.7})
        assert back.because(user, {}, "m3") == model.because(user, {}, "m3")


def test_the_same_model_is_the_same_files(saved: tuple[Path, ModelRef], tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    assert artifact.save(artifact.load(saved[0]), other) == saved[1]
    for file in FILES:
        assert (other / file).read_bytes() == (saved[0] / file).read_bytes()


def test_a_model_is_nothing_but_these_files_and_none_holds_a_pickle(saved: tuple[Path, ModelRef]) -> None:
    assert sorted(file.name for file in saved[0].iterdir()) == sorted(FILES)
    for file in FILES[1:]:
        np.load(saved[0] / file, allow_pickle=False)


@pytest.mark.parametrize("file", FILES)
def test_every_flipped_bit_is_refused_with_the_files_name(saved: tuple[Path, ModelRef], file: str) -> None:
    folder, ref = saved
    whole = (folder / file).read_bytes()
    for bit in random.Random(file).sample(range(8 * len(whole)), 40):
        broken = bytearray(whole)
        broken[bit // 8] ^= 1 << bit % 8
        (folder / file).write_bytes(broken)
        with pytest.raises(BrokenModel, match=file):
            artifact.load(folder, ref.digest)
    (folder / file).write_bytes(whole)
    artifact.load(folder, ref.digest)


@pytest.mark.parametrize("file", FILES)
def test_a_missing_or_shortened_file_is_refused(saved: tuple[Path, ModelRef], file: str) -> None:
    folder, ref = saved
    whole = (folder / file).read_bytes()
    (folder / file).write_bytes(whole[:-1])
    with pytest.raises(BrokenModel, match=file):
        artifact.load(folder, ref.digest)
    (folder / file).unlink()
    with pytest.raises(BrokenModel, match=file):
        artifact.load(folder, ref.digest)


@pytest.mark.parametrize(
    "change", [{"format": "other"}, {"params": {"speed": 1}}, {"window": None}, {"files": {}}]
)
def test_a_manifest_of_another_kind_is_refused(saved: tuple[Path, ModelRef], change: dict) -> None:
    path = saved[0] / MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(BrokenModel, match=MANIFEST):
        artifact.load(saved[0])


def test_arrays_that_do_not_fit_together_are_refused(model: KnnModel, tmp_path: Path) -> None:
    tables = model.tables._replace(neighbours=model.tables.neighbours + 90)
    artifact.save(KnnModel("", model.window, model.params, model.movies, model.lengths, tables), tmp_path)
    with pytest.raises(BrokenModel, match="do not fit"):
        artifact.load(tmp_path)


def test_arrays_are_pages_of_the_files_that_processes_share(saved: tuple[Path, ModelRef]) -> None:
    back = artifact.load(saved[0])
    maps = Path(f"/proc/{os.getpid()}/maps").read_text()
    for name, array in back.tables._asdict().items():
        assert f"{saved[0]}/{name}.npy" in maps
        assert not array.flags.owndata
        assert not array.flags.writeable


def test_ids_of_any_letters_come_back(tmp_path: Path) -> None:
    ids = ["amélie+2001", "what's+up_doc", "千と千尋", "a"]
    model = fit(matrix(ratings((1, movie, 0, 5.0) for movie in ids)), Params(), "", Window(0, 1))
    artifact.save(model, tmp_path)
    assert set(artifact.load(tmp_path).movies) == set(ids)


class CountingStore(SqliteStore):
    """Counts how often a model leaves the store."""

    fetched = 0

    def fetch_model(self, ref: ModelRef, folder: Path) -> None:
        CountingStore.fetched += 1
        super().fetch_model(ref, folder)


@pytest.fixture
def database(saved: tuple[Path, ModelRef], tmp_path: Path) -> str:
    store = SqliteStore(f"{tmp_path}/marquee.db")
    store.save_model(saved[1], saved[0])
    store.close()
    CountingStore.fetched = 0
    return f"{tmp_path}/marquee.db"


def test_one_of_several_workers_fetches_and_all_load(
    database: str, saved: tuple[Path, ModelRef], tmp_path: Path
) -> None:
    def worker(_: int) -> KnnModel:
        store = CountingStore(database)
        try:
            return artifact.fetch(store, saved[1], tmp_path / "cache")
        finally:
            store.close()

    with ThreadPoolExecutor(4) as pool:
        models = list(pool.map(worker, range(4)))
    assert CountingStore.fetched == 1
    assert len({model.recommend(3, {}) for model in models}) == 1


def test_a_spoilt_cache_is_fetched_again(database: str, saved: tuple[Path, ModelRef], tmp_path: Path) -> None:
    store = CountingStore(database)
    artifact.fetch(store, saved[1], tmp_path / "cache")
    (tmp_path / "cache" / saved[1].digest / "weight.npy").write_bytes(b"spoilt")
    assert artifact.fetch(store, saved[1], tmp_path / "cache").name == saved[1].name
    assert CountingStore.fetched == 2


def test_a_copy_that_is_not_what_was_asked_for_is_refused_and_not_kept(
    database: str, saved: tuple[Path, ModelRef], tmp_path: Path
) -> None:
    store = SqliteStore(database)
    other = tmp_path / "other"
    shutil.copytree(saved[0], other)
    (other / "weight.npy").write_bytes(b"something else")
    ref = ModelRef("KNN_1_2022-04-09", "0" * 64)
    store.save_model(ref, other)
    with pytest.raises(BrokenModel):
        artifact.fetch(store, ref, tmp_path / "cache")
    assert not (tmp_path / "cache" / ref.digest).exists()


def test_a_model_that_the_store_does_not_have_is_an_error_of_the_store(database: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        artifact.fetch(SqliteStore(database), ModelRef("KNN_1_2001-01-01", "f" * 64), tmp_path / "cache")


def test_models_that_are_not_kept_leave_the_cache(
    database: str, saved: tuple[Path, ModelRef], tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    model = artifact.fetch(SqliteStore(database), saved[1], cache)
    for folder in ("a" * 64, f"{'b' * 64}.new", "notes"):
        shutil.copytree(saved[0], cache / folder)
    artifact.tidy(cache, [saved[1].digest])
    assert {path.name for path in cache.iterdir() if path.is_dir()} == {saved[1].digest, "notes"}
    expected = model.recommend(3, {})
    artifact.tidy(cache, [])
    assert not (cache / saved[1].digest).exists()
    assert model.recommend(3, {}) == expected


def test_a_model_that_is_being_loaded_stays_in_the_cache(
    saved: tuple[Path, ModelRef], tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    shutil.copytree(saved[0], cache / saved[1].digest)
    with FileLock(cache / f"{saved[1].digest}.lock"):
        artifact.tidy(cache, [])
        assert artifact.load(cache / saved[1].digest).name == "KNN_2_2022-04-08"
    artifact.tidy(cache, [])
    assert not (cache / saved[1].digest).exists()
