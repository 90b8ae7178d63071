"""The store in one SQLite file: a write-ahead log, many readers beside one writer, no server."""

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import astuple
from functools import partial
from itertools import islice
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

import numpy as np

from movielog.events import DAY
from store import encoding, folders, frames, history, rows, schema
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

_BUSY_SECONDS = 20
_PRAGMAS = (
    "synchronous = FULL",
    "wal_autocheckpoint = 16384",  # pages: hot pages are written back once for several batches
    "journal_size_limit = 67108864",  # a saved model's log is not kept on the disk
)
_ROOM_FOR_A_BATCH = "PRAGMA cache_size = -65536"  # KiB; readers have enough in the system's cache
_AWAY = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
}
_UNUSABLE = {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY}


class SqliteStore(Store):
    """The store in the file at `path`, which is made with its folder where it does not exist.

    Each thread has a connection of its own. A commit is on the disk before it returns (`synchronous=FULL`).
    StoreError where the path holds something else or tables of a newer version.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._threads = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._movies = rows.Movies()
        self._errors = _Errors(self._path)
        with self._errors:
            _make_folder(self._path.parent)
            _make_ready(self._connection(), self._path)

    # the log

    def record(self, batch: Batch) -> None:
        self._intern(rows.movies_of(batch))
        numbers = self._movies.numbers
        with self._writing() as connection:
            connection.execute(_ROOM_FOR_A_BATCH)
            write = connection.executemany
            write(
                schema.ADD_VIEWING, sorted(rows.viewing_row(viewing, numbers) for viewing in batch.viewings)
            )
            write(schema.ADD_RATING, sorted(rows.rating_row(rated, numbers) for rated in batch.ratings))
            write(schema.ADD_REQUEST, (rows.request_row(request, self._movies) for request in batch.requests))
            write(schema.ADD_QUARANTINED, map(rows.quarantined_row, batch.quarantined))
            write(schema.ADVANCE_NEWEST, [(encoding.newest_of(batch),)])

    def quarantined(self) -> Iterable[Quarantined]:
        with self._reading() as connection:
            return [Quarantined(*row) for row in connection.execute(schema.QUARANTINED)]

    def release(self, positions: Sequence[str]) -> None:
        with self._writing() as connection:
            connection.executemany(schema.RELEASE, ((position,) for position in positions))

    def newest(self) -> int | None:
        with self._reading() as connection:
            row = connection.execute("SELECT time FROM newest").fetchone()
        return int(row[0]) if row else None

    def watches(self, window: Window) -> "pd.DataFrame":
        days = window.start // DAY, (window.end - 1) // DAY
        return self._interactions(schema.WATCHES, (*days, *window), rows.WATCHES)

    def ratings(self, window: Window) -> "pd.DataFrame":
        return self._interactions(schema.RATINGS, window, rows.RATINGS)

    def requests(self, window: Window, user: int | None = None) -> "pd.DataFrame":
        return self._listed(schema.REQUESTS, (*window, user), frames.REQUESTS)

    def lists(self, window: Window) -> Lists:
        with self._reading() as connection:
            found = connection.execute(schema.LISTS, window)
            requests = frames.from_rows(iter(lambda: found.fetchmany(frames.CHUNK), []), frames.LISTS)
            self._read_movies(connection)
        return Lists(requests, self._movies.names)

    def history(self, user: int, besides: Set[str] = frozenset()) -> Sequence[Seen]:
        with self._errors:
            connection = self._connection()
            # one row: the driver lets other threads run at each, and waits for them
            (seen,) = connection.execute(schema.SEEN_BY, (user,)).fetchone()
            if not (new := self._besides(seen, besides) if seen else ()):
                return []
            keys = [(user, number) for number in new]
            watched = [row for each in keys for row in connection.execute(schema.WATCHED_BY, each)]
            rated = [row for each in keys for row in connection.execute(schema.RATED_BY, each)]
        return history.joined(map(self._named, watched), map(self._named, rated))

    # models

    def save_model(self, ref: ModelRef, folder: Path) -> None:
        files = folders.files_of(folder)
        with self._writing() as connection:
            connection.execute(schema.ADD_MODEL, ref)
            number = _model_number(connection, ref)
            connection.execute("DELETE FROM model_file WHERE model = ?", (number,))
            parts = ((number, *part) for file in files for part in folders.parts_of(file))
            connection.executemany("INSERT INTO model_file VALUES (?, ?, ?, ?)", parts)

    def fetch_model(self, ref: ModelRef, folder: Path) -> None:
        with self._reading() as connection:
            for name, content in connection.execute(schema.MODEL_PARTS, (_model_number(connection, ref),)):
                with folders.place_in(folder, name).open("ab") as file:
                    file.write(content)

    def models(self) -> Sequence[ModelRef]:
        with self._reading() as connection:
            return [ModelRef(*row) for row in connection.execute(schema.MODELS)]

    def add_route(self, route: Route) -> None:
        with self._writing() as connection:
            (last,) = connection.execute("SELECT coalesce(max(number), 0) FROM route").fetchone()
            if route.number != last + 1:
                raise RouteConflict(f"route {route.number} cannot follow route {last}")
            connection.execute("INSERT INTO route VALUES (?, ?, ?, ?, ?, ?)", rows.route_row(route))

    def routes(self) -> Sequence[Route]:
        with self._reading() as connection:
            return [rows.route(row) for row in connection.execute(schema.ROUTES)]

    # answers

    def record_answers(self, answers: Sequence[Answer]) -> None:
        self._intern({movie for answer in answers for movie in answer.movies})
        with self._writing() as connection:
            connection.executemany(schema.ADD_SERVED, {answer.model for answer in answers})
            served = {ModelRef(*ref): number for *ref, number in connection.execute(schema.SERVED)}
            found = [rows.answer_row(each, served, self._movies) for each in answers]
            connection.executemany(schema.ADD_ANSWER, found)

    def answers(self, window: Window, user: int | None = None) -> "pd.DataFrame":
        return self._listed(schema.ANSWERS, (*window, user), frames.ANSWERS)

    def arms(self, window: Window) -> "pd.DataFrame":
        with self._reading() as connection:
            chunks = _structured(connection.execute(schema.ARMS, window), rows.ARMS)
            columns = frames.joined(chunks, rows.fields(np.empty(0, rows.ARMS)))
            served = {number: name for name, _, number in connection.execute(schema.SERVED)}
        names = sorted(set(served.values()))
        places = np.zeros(max(served, default=0) + 1, np.int32)
        for number, name in served.items():
            places[number] = names.index(name)
        columns["model"] = frames.category(places[columns["model"]], names)
        return frames.frame(columns)

    # jobs

    def lease(self, name: str, holder: str, now: int, until: int) -> bool:
        with self._writing() as connection:
            return connection.execute(schema.LEASE, (name, holder, now, until)).rowcount > 0

    def end_lease(self, name: str, holder: str) -> None:
        self._write(schema.END_LEASE, name, holder)

    def record_retrain(self, retrain: Retrain) -> None:
        body = json.dumps(encoding.plain_retrain(retrain))
        self._write(schema.ADD_RETRAIN, retrain.started, retrain.name, body)

    def retrains(self) -> Sequence[Retrain]:
        with self._reading() as connection:
            return [encoding.retrain_of(json.loads(body)) for (body,) in connection.execute(schema.RETRAINS)]

    def record_evaluation(self, evaluation: Evaluation) -> None:
        *identity, results = astuple(evaluation)
        self._write(schema.ADD_EVALUATION, *identity, json.dumps(results))

    def evaluations(self, experiment: str | None = None) -> Sequence[Evaluation]:
        with self._reading() as connection:
            found = connection.execute(schema.EVALUATIONS, (experiment,)).fetchall()
        return [Evaluation(name, since, until, json.loads(results)) for name, since, until, results in found]

    def save_checkpoint(self, name: str, state: bytes) -> None:
        self._write(schema.SAVE_CHECKPOINT, name, state)

    def checkpoint(self, name: str) -> bytes | None:
        with self._reading() as connection:
            row = connection.execute(schema.CHECKPOINT, (name,)).fetchone()
        return bytes(row[0]) if row else None

    def _write(self, statement: str, *values: Any) -> None:
        with self._writing() as connection:
            connection.execute(statement, values)

    def close(self) -> None:
        for connection in self._connections:
            connection.close()

    # frames

    def _interactions(self, query: str, values: Sequence[int], dtype: np.dtype[np.void]) -> "pd.DataFrame":
        with self._reading() as connection:
            chunks = _structured(connection.execute(query, values), dtype)
            columns = frames.joined(chunks, rows.fields(np.empty(0, dtype)))
            self._read_movies(connection)
        columns["movie"] = frames.category(columns["movie"], self._movies.names)
        return frames.frame(columns)

    def _listed(self, query: str, values: Sequence[int | None], kinds: frames.Kinds) -> "pd.DataFrame":
        """A frame whose `movies` are stored as numbers."""
        with self._reading() as connection:
            found = connection.execute(query, values)
            self._read_movies(connection)
            unpacked = partial(frames.comma_separated, names=frames.text(self._movies.names))
            chunks = iter(lambda: found.fetchmany(frames.CHUNK), [])
            return frames.from_rows(chunks, {**kinds, "movies": unpacked})

    # movies

    def _intern(self, movies: set[str]) -> None:
        """Number the movies in a commit of their own: what the cache holds must never be rolled back."""
        if missing := movies - self._movies.numbers.keys():
            with self._writing() as connection:
                connection.executemany(schema.ADD_MOVIE, ((movie,) for movie in sorted(missing)))
            self._read_movies(connection)

    def _read_movies(self, connection: sqlite3.Connection) -> None:
        self._movies.add(connection.execute(schema.MOVIES_FROM, (len(self._movies.names),)))

    def _besides(self, numbers: str, names: Set[str]) -> Set[int]:
        """Of comma-separated numbers of movies those that stand for other names."""
        found = [*map(int, numbers.split(","))]
        if max(found) >= len(self._movies.names):
            self._read_movies(self._connection())
        known = self._movies.names
        return {number for number in found if known[number] not in names}

    def _named(self, row: rows.Row) -> rows.Row:
        """The row with its first place, a movie's number, as the movie's id."""
        movie, *rest = row
        return self._movies.names[movie], *rest

    # connections

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._threads, "connection", None)
        if connection is None:
            connection = self._threads.connection = _connected(self._path)
            self._connections.append(connection)
        return connection

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._errors:
            yield self._connection()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._errors, _transaction(self._connection()) as connection:
            yield connection


class _Errors:
    """Sorts what SQLite says by cause; what is neither the file's nor the disk's fault passes through."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None: ...

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if not isinstance(error, sqlite3.DatabaseError):
            return
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in _AWAY:
            raise StoreUnavailable(f"{self._path}: {error}") from error
        if code in _UNUSABLE:
            raise StoreError(f"{self._path}: {error}") from error


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{folder} cannot be made: {error.strerror}") from error


def _connected(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    connection.create_function("union_of", 2, _union, deterministic=True)
    connection.create_function("size_of_union", 2, _size_of_union, deterministic=True)
    return connection


def _make_ready(connection: sqlite3.Connection, path: Path) -> None:
    if _version(connection, path) < schema.VERSION:
        _use_write_ahead_log(connection)
        with _transaction(connection):
            _make_tables(connection, _version(connection, path))  # another process may have been quicker


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    """SQLite does not wait by itself here while another process makes the file ready."""
    deadline = monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or monotonic() > deadline:
                raise
            sleep(0.02)


def _version(connection: sqlite3.Connection, path: Path) -> int:
    """The tables' version, 0 where there are none; StoreError where they are not ours or too new."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (program,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables and program != schema.APPLICATION_ID:
        raise StoreError(f"{path} is the database of another program")
    if version > schema.VERSION:
        raise StoreError(
            f"{path} was written by a newer Marquee: its tables are of version {version}, "
            f"this one knows versions up to {schema.VERSION}"
        )
    return int(version)


def _make_tables(connection: sqlite3.Connection, version: int) -> None:
    for statements in (schema.TABLES, schema.JOB_TABLES)[version:]:
        for statement in statements.split(";"):
            connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {schema.VERSION}")


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
    except BaseException:
        connection.rollback()
        raise
    connection.execute("COMMIT")


def _union(seen: bytes, more: bytes) -> bytes:
    return rows.minutes_bytes(rows.minutes_bits(seen) | rows.minutes_bits(more))


def _size_of_union(seen: bytes, more: bytes) -> int:
    return (rows.minutes_bits(seen) | rows.minutes_bits(more)).bit_count()


def _model_number(connection: sqlite3.Connection, ref: ModelRef) -> int:
    row = connection.execute("SELECT number FROM model WHERE name = ? AND digest = ?", ref).fetchone()
    if row is None:
        raise StoreError(f"there is no model {ref.name} with the digest {ref.digest}")
    return int(row[0])


def _structured(found: Iterator[rows.Row], dtype: np.dtype[np.void]) -> Iterator[frames.Chunk]:
    while len(chunk := np.fromiter(islice(found, frames.CHUNK), dtype)):
        yield rows.fields(chunk)
