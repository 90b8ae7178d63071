"""A day of an experiment in a SQLite store: requests, the movies they led to, some ratings."""

import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from numpy.random import Generator

from benchmarks.datasets import FOLDER, movie_ids
from ml.split import parse_split
from movielog.events import DAY, SECOND
from store import open_store, schema
from store.port import ModelRef, Route, Window

WINDOW = Window(19_090 * DAY, 19_091 * DAY)
SPLIT = "hash:bench:50"
MODELS = {1: ModelRef("KNN_1_2022-04-07", "1" * 64), 2: ModelRef("KNN_2_2022-04-07", "2" * 64)}
MOVIES, LISTED, KNOWN = 27_000, 20, 32
"""Movies, movies in a list, and movies that are ever listed to one user: a list moves on with each visit."""
FOLLOWED, RATED = 0.4, 0.2
VERSION = 3

_AT_ONCE = 100_000
_POPULARITY = 2.0

Array = npt.NDArray[np.int64]


class Visits(NamedTuple):
    """Times (ns), users, arms, and lists (visits, LISTED) of movies' numbers."""

    time: Array
    user: Array
    arm: Array
    lists: Array


def store_of(visits: int, users: int, folder: Path = FOLDER) -> Path:
    """A store with so many requests and as many viewings, filled where it is not there yet."""
    path = (folder / f"experiment-{visits}-{users}-v{VERSION}.db").resolve()
    fresh = path.with_suffix(".db.new")
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        for left in (fresh, Path(f"{fresh}-wal"), Path(f"{fresh}-shm")):
            left.unlink(missing_ok=True)
        with closing(open_store(f"sqlite://{fresh}")) as store:
            store.add_route(Route(1, WINDOW.start, MODELS, "publish", "benchmark", ""))
        fill(fresh, visits, users)
        fresh.rename(path)
    return path


def fill(path: Path, visits: int, users: int, seed: int = 1) -> None:
    """Write rows as ingest and the service do, in the order of time, and say how far it is."""
    rng = np.random.default_rng(seed)
    arms = np.fromiter(map(parse_split(SPLIT).arm, range(users)), np.int64, users)
    known = _popular(rng, (users, KNOWN))
    times = np.sort(rng.integers(WINDOW.start, WINDOW.end - 3600 * SECOND, visits))
    who = rng.integers(users, size=visits)
    turn = pd.Series(who).groupby(who).cumcount().to_numpy() % (KNOWN - LISTED)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        _begin(connection)
        for part in np.array_split(np.arange(visits), max(1, visits // _AT_ONCE)):
            user = who[part]
            lists = known[user[:, None], turn[part][:, None] + np.arange(LISTED)]
            _write(connection, rng, Visits(times[part], user, arms[user], lists))
            print(f"\r{part[-1] / visits:.0%} written", end="", file=sys.stderr)
        connection.executemany(schema.ADVANCE_NEWEST, [(WINDOW.end - 1,)])
        connection.execute("COMMIT")
    print(file=sys.stderr)


def _begin(connection: sqlite3.Connection) -> None:
    for pragma in ("synchronous = OFF", "cache_size = -1048576"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("BEGIN")
    connection.executemany(schema.ADD_MOVIE, ((name,) for name in movie_ids(MOVIES)))
    connection.executemany(schema.ADD_SERVED, [MODELS[arm] for arm in sorted(MODELS)])


def _popular(rng: Generator, shape: int | tuple[int, int]) -> Array:
    """Numbers of movies, as the table `movie` counts them."""
    return 1 + (MOVIES * rng.random(shape) ** _POPULARITY).astype(np.int64)


def _write(connection: sqlite3.Connection, rng: Generator, visits: Visits) -> None:
    """Each visit is a request, its answer, and a viewing; some viewings are rated."""
    times, who = visits.time.tolist(), visits.user.tolist()
    packed, size = visits.lists.astype("<i4").tobytes(), 4 * LISTED
    lists = [packed[at : at + size] for at in range(0, len(packed), size)]
    digests = rng.bytes(12 * len(times))
    write = connection.executemany
    write(
        schema.ADD_REQUEST,
        (
            (time, user, digests[12 * at : 12 * at + 12], "recom:8082", 200, 40, movies, "")
            for at, (time, user, movies) in enumerate(zip(times, who, lists, strict=True))
        ),
    )
    write(
        "INSERT OR IGNORE INTO answer VALUES (?, ?, ?, ?, 'knn', ?, '')",
        zip(times, who, visits.arm.tolist(), visits.arm.tolist(), lists, strict=True),
    )
    followed = rng.random(len(who)) < FOLLOWED
    movie = np.where(followed, visits.lists[:, 0], _popular(rng, len(who)))
    began = visits.time + rng.integers(SECOND, 1800 * SECOND, len(who))
    seen = sorted(zip((began // DAY).tolist(), who, movie.tolist(), began.tolist(), strict=True))
    keep = "INSERT OR IGNORE INTO viewing VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
    write(keep, ((*each, each[3], 0, 0, 1, b"\x01") for each in seen))
    rated = rng.random(len(seen)) < RATED
    given = [(each[3] + SECOND, each[1], each[2], 4.0) for each, yes in zip(seen, rated, strict=True) if yes]
    write(schema.ADD_RATING, given)
