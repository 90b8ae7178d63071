"""What only the MongoDB store does: limits in time, pointers to models, versions."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId
from gridfs import GridFSBucket
from pymongo import MongoClient
from pymongo.database import Database

from store import mongo, open_store
from store.port import Batch, ModelRef, StoreError, StoreUnavailable
from tests.servers.process import free_port
from tests.store.world import viewing

REF = ModelRef("KNN_1_2022-04-08", "a" * 64)
KEY = f"{REF.name}/{REF.digest}"


@pytest.fixture
def database(mongo_url: str) -> Iterator[Database[dict[str, Any]]]:
    """The store's database, as MongoDB's driver sees it."""
    with MongoClient[dict[str, Any]](mongo_url) as client:
        yield client.get_default_database()


@pytest.fixture
def store(mongo_url: str) -> Iterator[mongo.MongoStore]:
    with closing(mongo.MongoStore(mongo_url)) as store:
        yield store


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "manifest.json").write_text("{}")
    return folder


def test_a_server_that_is_not_there_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(mongo._PATIENCE, "serverSelectionTimeoutMS", 100)

    with pytest.raises(StoreUnavailable, match="refused"):
        mongo.MongoStore(f"mongodb://127.0.0.1:{free_port()}/marquee")


def test_an_address_that_cannot_be_one_is_refused() -> None:
    with pytest.raises(StoreError):
        mongo.MongoStore("mongodb://127.0.0.1:notaport/marquee")


@pytest.mark.real
def test_a_history_that_takes_too_long_is_unavailable(mongo_url: str) -> None:
    with closing(open_store(mongo_url, history_seconds=1e-6)) as store:
        store.record(Batch([viewing()]))
        with pytest.raises(StoreUnavailable):
            store.history(7)


@pytest.mark.real
def test_a_store_of_a_newer_version_is_refused_with_a_sentence(
    mongo_url: str, database: Database[dict[str, Any]]
) -> None:
    database["meta"].insert_one({"_id": "schema", "version": 99})

    with pytest.raises(StoreError, match=r"written by a newer Marquee.* 99"):
        mongo.MongoStore(mongo_url)


@pytest.mark.real
def test_a_viewing_is_one_document_in_the_order_of_days(
    store: mongo.MongoStore, database: Database[dict[str, Any]]
) -> None:
    for minute in range(130):
        store.record(Batch([viewing(minutes=1 << minute)]))

    (document,) = database["viewings"].find()
    assert document["seen"] == {"0": (1 << 60) - 1, "1": (1 << 60) - 1, "2": (1 << 10) - 1}
    assert document["_id"].startswith("019090/7/")


@pytest.mark.real
def test_a_model_that_lost_a_part_in_the_store_is_named(
    store: mongo.MongoStore, database: Database[dict[str, Any]], model: Path, tmp_path: Path
) -> None:
    store.save_model(REF, model)
    database["fs.chunks"].delete_many({})

    with pytest.raises(StoreError, match=r"manifest\.json"):
        store.fetch_model(REF, tmp_path)


@pytest.mark.real
def test_a_save_removes_what_old_attempts_left_but_not_one_that_may_be_under_way(
    store: mongo.MongoStore, database: Database[dict[str, Any]], model: Path
) -> None:
    now = datetime.now(UTC)
    old, young = (str(ObjectId.from_datetime(now - timedelta(minutes=age))) for age in (120, 10))
    other = f"KNN_2_2022-04-08/{REF.digest}"
    ids = [f"{KEY}/{old}/a.npy", f"{KEY}/{old}/b.npy", f"{KEY}/{young}/a.npy", f"{other}/{old}/a.npy"]
    for file_id in ids:
        GridFSBucket(database).upload_from_stream_with_id(file_id, "a.npy", b"left")
    database["fs.files"].delete_one({"_id": ids[1]})  # an upload that was killed leaves chunks alone

    store.save_model(REF, model)

    left = set(database["fs.chunks"].distinct("files_id"))
    assert left & set(ids) == set(ids[2:])
    assert len(left) == 3
