"""Stores filled with made interactions, as ingest would have filled them."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from benchmarks.datasets import FOLDER, SECONDS, VERSION, Array, Made, dataset, movie_ids
from movielog.events import DAY, SECOND, Rated
from store import open_store
from store.port import Batch, Store, Viewing, Window

FIRST_DAY = 19_086
"""Days since 1970 of 2022-04-04, with which the five days of the made interactions begin."""
WINDOW = Window(FIRST_DAY * DAY, FIRST_DAY * DAY + SECONDS * SECOND)

_AT_ONCE = 250_000


def store_of(name: str, folder: Path = FOLDER) -> str:
    """URL of a SQLite store that holds a size (S, M or L), filled where it is not there yet."""
    path = (folder / f"{name}-1-v{VERSION}.db").resolve()
    fresh = path.with_suffix(".db.new")
    if not path.exists():
        for left in (fresh, Path(f"{fresh}-wal"), Path(f"{fresh}-shm")):
            left.unlink(missing_ok=True)
        with closing(open_store(f"sqlite://{fresh}")) as store:
            fill(store, dataset(name, folder=folder))
        fresh.rename(path)
    return f"sqlite://{path}"


def fill(store: Store, made: Made) -> None:
    """Record everything, in the order of its time, and say how far it is."""
    ids = movie_ids(int(made.movie.max()) + 1)
    order = np.argsort(made.second, kind="stable")
    for begin in range(0, order.size, _AT_ONCE):
        store.record(_batch(made, order[begin : begin + _AT_ONCE], ids))
        print(f"\r{min(begin + _AT_ONCE, order.size)} of {order.size} recorded", end="", file=sys.stderr)
    print(file=sys.stderr)


def _batch(made: Made, some: Array, ids: Sequence[str]) -> Batch:
    seen = some[made.minutes[some] > 0]
    return Batch(viewings=list(_viewings(made, seen, ids)), ratings=list(_ratings(made, some, ids)))


def _viewings(made: Made, some: Array, ids: Sequence[str]) -> Iterator[Viewing]:
    """The first minutes of each movie; on one day, though the last ones may be after midnight."""
    columns = (values[some].tolist() for values in (made.user, made.movie, made.second, made.minutes))
    for user, movie, second, minutes in zip(*columns, strict=True):
        time = WINDOW.start + second * SECOND
        last = min(time + (minutes - 1) * 60 * SECOND, WINDOW.end - 1)
        yield Viewing(time // DAY, user, ids[movie], time, last, (1 << minutes) - 1)


def _ratings(made: Made, some: Array, ids: Sequence[str]) -> Iterator[Rated]:
    given = some[made.rated[some]]
    columns = (values[given].tolist() for values in (made.user, made.movie, made.second, made.stars))
    for user, movie, second, stars in zip(*columns, strict=True):
        yield Rated(WINDOW.start + second * SECOND, user, ids[movie], float(stars))
