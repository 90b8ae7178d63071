"""The store in MongoDB: majority writes, records under an `_id` made of their identity, models in GridFS."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import islice
from operator import itemgetter
from pathlib import Path
from time import time_ns
from typing import TYPE_CHECKING, Any

import pymongo
from bson import ObjectId
from gridfs import GridFSBucket
from gridfs.errors import GridFSError, NoFile
from pymongo import MongoClient, ReplaceOne, UpdateOne, WriteConcern
from pymongo.errors import (
    BulkWriteError,
    ConfigurationError,
    ConnectionFailure,
    DuplicateKeyError,
    ExecutionTimeout,
    InvalidName,
    OperationFailure,
    PyMongoError,
    WriteConcernError,
)

from store import documents, encoding, folders, frames, history
from store.documents import Document
from store.port import (
    Answer,
    Batch,
    Evaluation,
    Lists,
    ModelRef,
    Quarantined,
    Retrain,
    Route,
    RouteConflict,
    Seen,
    Store,
    StoreError,
    StoreUnavailable,
    Window,
)

if TYPE_CHECKING:
    import pandas as pd

_VERSION = 1
_PATIENCE: dict[str, Any] = {
    "serverSelectionTimeoutMS": 3000,
    "connectTimeoutMS": 3000,
    "socketTimeoutMS": 60_000,
}
_DUPLICATE_KEY = 11000
_NOT_ALLOWED = {13, 18}  # Unauthorized, AuthenticationFailed
_CHANGES = 1000
_CHANGES_ON_FERRETDB = 25  # its SQLite back end holds one of 100 connections for each until the command ends
_UPLOAD_PATIENCE = timedelta(hours=1)


class MongoStore(Store):
    """The store in the database that `url` names, or in `marquee`.

    A record is written where a majority of the servers has it in its journal. `history_seconds` is what a
    look-up of a user's history may take. StoreError where the server refuses us or holds a newer version's
    data.
    """

    def __init__(self, url: str, history_seconds: float = 60) -> None:
        self._history_seconds = history_seconds
        with _errors():
            self._client = _client(url)
            self._database = self._client.get_default_database(
                "marquee", write_concern=WriteConcern("majority", j=True)
            )
            self._models = _Models(self._database)
            self._make_ready()

    def _make_ready(self) -> None:
        self._add("meta", [{"_id": "schema", "version": _VERSION}, {"_id": "newest", "time": None}])
        schema = self._database["meta"].find_one({"_id": "schema"})
        if schema and schema["version"] > _VERSION:
            raise StoreError(
                f"{self._database.name} was written by a newer Marquee: its collections are of version "
                f"{schema['version']}, this one knows versions up to {_VERSION}"
            )
        for name in ("viewings", "ratings"):
            self._database[name].create_index("user")
        on_ferretdb = "ferretdbVersion" in self._client.server_info()
        self._changes = _CHANGES_ON_FERRETDB if on_ferretdb else _CHANGES

    # the log

    def record(self, batch: Batch) -> None:
        newest = encoding.newest_of(batch)
        with _errors():
            self._add_viewings([documents.viewing(viewing) for viewing in batch.viewings])
            self._add("ratings", [documents.rating(rated) for rated in batch.ratings])
            self._add("requests", [documents.request(request) for request in batch.requests])
            lines = [documents.quarantined(line) for line in batch.quarantined]
            self._change("quarantine", [ReplaceOne({"_id": it["_id"]}, it, upsert=True) for it in lines])
            if newest is not None:
                self._database["meta"].update_one({"_id": "newest"}, {"$max": {"time": newest}})

    def _add_viewings(self, viewings: Sequence[Document]) -> None:
        """Insert those that are new, which is much faster than an upsert; merge the others."""
        known = self._add("viewings", viewings)
        merges = [UpdateOne({"_id": it["_id"]}, documents.merge(it), upsert=True) for it in known]
        self._change("viewings", merges)

    def _add(self, collection: str, records: Sequence[Document]) -> list[Document]:
        """Insert; returned are those whose `_id` was taken."""
        try:
            if records:
                self._database[collection].insert_many(records, ordered=False)
        except BulkWriteError as error:
            if not _only_duplicates(error):
                raise
            return [records[each["index"]] for each in error.details["writeErrors"]]
        return []

    def _change(self, collection: str, changes: Sequence[UpdateOne | ReplaceOne[Document]]) -> None:
        for start in range(0, len(changes), self._changes):
            self._database[collection].bulk_write(changes[start : start + self._changes], ordered=False)

    def quarantined(self) -> Iterable[Quarantined]:
        with _errors():
            return [
                documents.quarantined_of(each) for each in self._database["quarantine"].find().sort("_id")
            ]

    def release(self, positions: Sequence[str]) -> None:
        with _errors():
            self._database["quarantine"].delete_many({"_id": {"$in": list(positions)}})

    def newest(self) -> int | None:
        with _errors():
            found = self._database["meta"].find_one({"_id": "newest"}) or {"time": None}
        time: int | None = found["time"]
        return time

    def watches(self, window: Window) -> "pd.DataFrame":
        chosen = {"_id": documents.days(window), "first": {"$gte": window.start, "$lt": window.end}}
        return self._frame("viewings", chosen, documents.WATCH, documents.watch_row, frames.WATCHES)

    def ratings(self, window: Window) -> "pd.DataFrame":
        return self._happened("ratings", window, frames.RATINGS)

    def requests(self, window: Window, user: int | None = None) -> "pd.DataFrame":
        return self._happened("requests", window, frames.REQUESTS, user)

    def lists(self, window: Window) -> Lists:
        chosen = {"_id": documents.moments(window), "status": 200}
        kinds = {**frames.LISTS, "movies": frames.text}
        found = self._frame("requests", chosen, documents.LISTED, documents.listed_row, kinds)
        return Lists(*frames.numbered(found))

    def history(self, user: int, besides: Set[str] = frozenset()) -> Sequence[Seen]:
        viewings, ratings = self._database["viewings"], self._database["ratings"]
        with _errors(), pymongo.timeout(self._history_seconds):
            watched = viewings.find({"user": user}, documents.WATCHED).to_list()
            rated = ratings.find({"user": user}, documents.RATED).to_list()
        return history.joined(
            [documents.watched(each) for each in watched if each["movie"] not in besides],
            [documents.rated(each) for each in rated if each["movie"] not in besides],
        )

    def histories(self, users: Sequence[int]) -> Mapping[int, Sequence[Seen]]:
        with _errors():
            watched = self._by_user("viewings", users, documents.WATCHED, documents.watched)
            rated = self._by_user("ratings", users, documents.RATED, documents.rated)
        return {user: history.joined(watched[user], rated[user]) for user in users}

    def _by_user(
        self, name: str, users: Sequence[int], fields: Sequence[str], row: Callable[[Document], Any]
    ) -> Mapping[int, list[Any]]:
        found: dict[int, list[Any]] = defaultdict(list)
        for each in self._database[name].find({"user": {"$in": list(users)}}, ("user", *fields)):
            found[each["user"]].append(row(each))
        return found

    # models

    def save_model(self, ref: ModelRef, folder: Path) -> None:
        with _errors():
            self._models.save(ref, folder)

    def fetch_model(self, ref: ModelRef, folder: Path) -> None:
        with _errors():
            self._models.fetch(ref, folder)

    def models(self) -> Sequence[ModelRef]:
        with _errors():
            found = self._database["models"].find().sort([("saved", 1), ("_id", 1)])
            return [ModelRef(each["name"], each["digest"]) for each in found]

    def add_route(self, route: Route) -> None:
        routes = self._database["routes"]
        with _errors():
            last = next(iter(routes.find().sort("_id", -1).limit(1)), {"_id": 0})["_id"]
            if route.number != last + 1:
                raise RouteConflict(f"route {route.number} cannot follow route {last}")
            try:
                routes.insert_one(documents.route(route))
            except DuplicateKeyError:
                raise RouteConflict(f"route {route.number} was taken at the same moment") from None

    def routes(self) -> Sequence[Route]:
        with _errors():
            return [documents.route_of(each) for each in self._database["routes"].find().sort("_id")]

    # answers

    def record_answers(self, answers: Sequence[Answer]) -> None:
        with _errors():
            self._add("answers", [documents.answer(answer) for answer in answers])

    def answers(self, window: Window, user: int | None = None) -> "pd.DataFrame":
        return self._happened("answers", window, frames.ANSWERS, user)

    def arms(self, window: Window) -> "pd.DataFrame":
        return self._happened("answers", window, frames.ARMS)

    # jobs

    def lease(self, name: str, holder: str, now: int, until: int) -> bool:
        mine_or_over = {"_id": name, "$or": [{"holder": holder}, {"until": {"$lte": now}}]}
        with _errors():
            try:
                self._database["leases"].update_one(
                    mine_or_over, {"$set": {"holder": holder, "until": until}}, upsert=True
                )
            except DuplicateKeyError:
                return False
        return True

    def end_lease(self, name: str, holder: str) -> None:
        with _errors():
            self._database["leases"].delete_one({"_id": name, "holder": holder})

    def record_retrain(self, retrain: Retrain) -> None:
        self._put("retrains", documents.retrain(retrain))

    def retrains(self) -> Sequence[Retrain]:
        with _errors():
            return [documents.retrain_of(each) for each in self._database["retrains"].find().sort("_id")]

    def record_evaluation(self, evaluation: Evaluation) -> None:
        self._put("evaluations", documents.evaluation(evaluation))

    def evaluations(self, experiment: str | None = None) -> Sequence[Evaluation]:
        chosen = {} if experiment is None else {"experiment": experiment}
        with _errors():
            found = self._database["evaluations"].find(chosen).sort("_id")
            return [documents.evaluation_of(each) for each in found]

    def save_checkpoint(self, name: str, state: bytes) -> None:
        self._put("checkpoints", {"_id": name, "state": state})

    def checkpoint(self, name: str) -> bytes | None:
        with _errors():
            found = self._database["checkpoints"].find_one({"_id": name})
        return bytes(found["state"]) if found else None

    def _put(self, collection: str, record: Document) -> None:
        with _errors():
            self._database[collection].replace_one({"_id": record["_id"]}, record, upsert=True)

    def close(self) -> None:
        self._client.close()

    # frames

    def _happened(
        self, collection: str, window: Window, kinds: frames.Kinds, user: int | None = None
    ) -> "pd.DataFrame":
        names = list(kinds)
        chosen = {"_id": documents.moments(window)} | ({} if user is None else {"user": user})
        return self._frame(collection, chosen, names, itemgetter(*names), kinds)

    def _frame(
        self,
        collection: str,
        chosen: Document,
        fields: Sequence[str],
        row: Callable[[Document], tuple[Any, ...]],
        kinds: frames.Kinds,
    ) -> "pd.DataFrame":
        with _errors():
            found = self._database[collection].find(chosen, {"_id": False} | dict.fromkeys(fields, True))
            return frames.from_rows(_lists(map(row, found)), kinds)


class _Models:
    """Models as files in GridFS, which are one whole model from when its pointer names them.

    The pointer is a document of `models`: the attempt to save whose files count, and their names.
    """

    def __init__(self, database: Any) -> None:
        self._pointers = database["models"]
        self._database = database
        self._bucket = GridFSBucket(database)

    def save(self, ref: ModelRef, folder: Path) -> None:
        key, attempt = "/".join(ref), str(ObjectId())
        files = folders.files_of(folder)
        self._remove_leftovers(key)
        for file in files:
            self._upload(_file_id(key, attempt, file.name), file)
        self._pointers.update_one(
            {"_id": key},
            {
                "$set": {"attempt": attempt, "files": [file.name for file in files]},
                "$setOnInsert": {**ref._asdict(), "saved": time_ns()},
            },
            upsert=True,
        )

    def _upload(self, file_id: str, file: Path) -> None:
        written, kept = sha256(), sha256()
        with self._bucket.open_upload_stream_with_id(file_id, file.name) as upload:
            for _, _, part in folders.parts_of(file):
                upload.write(part)
                written.update(part)
        for part in self._parts(file_id):
            kept.update(part)
        if kept.digest() != written.digest():
            raise StoreError(f"{file}: the store gave other bytes back than it was given")

    def _parts(self, file_id: str) -> Iterator[bytes]:
        try:
            with self._bucket.open_download_stream(file_id) as download:
                while part := download.read(folders.PART):
                    yield part
        except GridFSError as error:
            raise StoreError(f"{file_id} is not whole in the store: {error}") from error

    def fetch(self, ref: ModelRef, folder: Path) -> None:
        key = "/".join(ref)
        pointer = self._pointers.find_one({"_id": key})
        if pointer is None:
            raise StoreError(f"there is no model {ref.name} with the digest {ref.digest}")
        for name in pointer["files"]:
            with folders.place_in(folder, name).open("wb") as file:
                file.writelines(self._parts(_file_id(key, pointer["attempt"], name)))

    def _remove_leftovers(self, key: str) -> None:
        """Delete what earlier attempts left, but for one that may still be under way."""
        pointer = self._pointers.find_one({"_id": key}) or {"attempt": None}
        for file_id in self._file_ids(key):
            attempt = file_id.removeprefix(f"{key}/").partition("/")[0]
            age = datetime.now(UTC) - ObjectId(attempt).generation_time
            if attempt != pointer["attempt"] and age > _UPLOAD_PATIENCE:
                with suppress(NoFile):  # the attempt ended before the file was whole: it was chunks alone
                    self._bucket.delete(file_id)

    def _file_ids(self, key: str) -> set[str]:
        begins = {"$regex": f"^{re.escape(key)}/"}
        whole = self._database["fs.files"].distinct("_id", {"_id": begins})
        return {*whole, *self._database["fs.chunks"].distinct("files_id", {"files_id": begins})}


def _file_id(key: str, attempt: str, name: str) -> str:
    return f"{key}/{attempt}/{name}"


def _client(url: str) -> MongoClient[Document]:
    try:
        return MongoClient(url, **_PATIENCE)
    except ValueError as error:
        raise StoreError(f"the address of MongoDB cannot be read: {error}") from error


@contextmanager
def _errors() -> Iterator[None]:
    """Sort what the driver says by cause; programming errors pass through."""
    try:
        yield
    except (ConnectionFailure, ExecutionTimeout, WriteConcernError) as error:
        raise StoreUnavailable(_sentence(error)) from error
    except (ConfigurationError, InvalidName) as error:
        raise StoreError(_sentence(error)) from error
    except OperationFailure as error:
        if error.code in _NOT_ALLOWED:
            raise StoreError(_sentence(error)) from error
        if _passes(error):
            raise StoreUnavailable(_sentence(error)) from error
        raise


def _passes(error: OperationFailure) -> bool:
    """Whether the same call may succeed later: too few servers had it, or another writer was first."""
    if isinstance(error, BulkWriteError):
        return bool(error.details["writeConcernErrors"]) or _only_duplicates(error)
    return error.timeout or error.code == _DUPLICATE_KEY


def _only_duplicates(error: BulkWriteError) -> bool:
    codes = {each["code"] for each in error.details["writeErrors"]}
    return codes == {_DUPLICATE_KEY} and not error.details["writeConcernErrors"]


def _sentence(error: PyMongoError) -> str:
    return f"MongoDB: {str(error).partition(', Topology Description')[0]}"


def _lists(rows: Iterator[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
    while chunk := list(islice(rows, frames.CHUNK)):
        yield chunk
