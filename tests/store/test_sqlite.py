"""What only the SQLite store does: its file, its locks, its versions."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from movielog.events import Rated
from store import open_store, sqlite
from store.port import Batch, ModelRef, StoreError, StoreUnavailable
from tests.store import writers
from tests.store.world import ALWAYS, START, viewing


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new" / "folder" / "marquee.db"


@pytest.fixture
def store(path: Path) -> Iterator[sqlite.SqliteStore]:
    with closing(sqlite.SqliteStore(str(path))) as store:
        yield store


def test_what_was_recorded_is_there_after_the_store_was_closed(path: Path) -> None:
    with closing(open_store(f"sqlite://{path}")) as store:
        store.record(Batch([viewing()]))
    with closing(open_store(f"sqlite://{path}")) as store:
        assert len(store.watches(ALWAYS)) == 1


def test_a_batch_whose_writer_was_killed_leaves_nothing(path: Path) -> None:
    writers.run_to_its_death(writers.die_in_record, f"sqlite://{path}", 5)

    with closing(open_store(f"sqlite://{path}")) as store:
        assert store.newest() is None
        assert len(store.watches(ALWAYS)) == 0


def test_a_batch_that_cannot_be_written_leaves_nothing(store: sqlite.SqliteStore) -> None:
    nonsense = Rated(START, 7, "m", None)  # type: ignore[arg-type]

    with pytest.raises(sqlite3.IntegrityError):
        store.record(Batch([viewing()], [nonsense]))

    assert len(store.watches(ALWAYS)) == 0


def test_a_store_of_a_newer_version_is_refused_with_a_sentence(path: Path) -> None:
    sqlite.SqliteStore(str(path)).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")

    with pytest.raises(StoreError, match=r"marquee\.db was written by a newer Marquee.* 99"):
        sqlite.SqliteStore(str(path))


def test_a_file_that_is_no_database_is_named_and_left_alone(tmp_path: Path) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear reader, " * 1000)

    with pytest.raises(StoreError, match=r"letter\.txt"):
        sqlite.SqliteStore(str(letter))
    assert letter.read_text() == "Dear reader, " * 1000


def test_the_database_of_another_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    other = tmp_path / "photos.db"
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE photo (id)")
    before = other.read_bytes()

    with pytest.raises(StoreError, match=r"photos\.db"):
        sqlite.SqliteStore(str(other))
    assert other.read_bytes() == before


@pytest.mark.parametrize("place", [".", "file/below.db"])
def test_a_path_that_cannot_be_a_file_is_named(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StoreError, match=str(tmp_path)):
        sqlite.SqliteStore(str(tmp_path / place))


def test_a_store_that_another_process_keeps_locked_is_unavailable(
    store: sqlite.SqliteStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "_BUSY_SECONDS", 0.05)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with closing(sqlite.SqliteStore(str(path))) as late, pytest.raises(StoreUnavailable, match="locked"):
            late.record(Batch([viewing()]))
        assert store.newest() is None
        other.execute("ROLLBACK")
    with closing(sqlite.SqliteStore(str(path))) as late:
        late.record(Batch([viewing()]))
        assert late.newest() == viewing().last_time


def test_a_stored_file_whose_name_leads_out_of_the_folder_is_refused(
    store: sqlite.SqliteStore, path: Path, tmp_path: Path
) -> None:
    ref, folder, target = ModelRef("KNN_1_2022-04-08", "a" * 64), tmp_path / "model", tmp_path / "target"
    folder.mkdir()
    target.mkdir()
    (folder / "manifest.json").write_text("{}")
    store.save_model(ref, folder)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE model_file SET name = '../escaped'")
        connection.commit()

    with pytest.raises(StoreError, match="escaped"):
        store.fetch_model(ref, target)
    assert not (tmp_path / "escaped").exists()


def test_an_address_of_another_kind_is_refused() -> None:
    with pytest.raises(StoreError, match="postgres"):
        open_store("postgres://127.0.0.1/marquee")
