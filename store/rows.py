"""Domain values as rows of the SQLite store's tables, and rows as columns."""

import json
import struct
from collections.abc import Iterable, Mapping, Sequence
from sys import intern
from threading import Lock
from typing import Any

import numpy as np

from movielog.events import Rated, Requested
from store import encoding, frames
from store.port import Answer, Batch, ModelRef, Quarantined, Route, Viewing

Row = tuple[Any, ...]

WATCHES = np.dtype(
    [("user", "i8"), ("movie", "i4"), ("first_time", "i8"), ("last_time", "i8")]
    + [(name, "i2") for name in ("first_minute", "last_minute", "minutes")]
)
ARMS = np.dtype([("user", "i8"), ("time", "i8"), ("arm", "i1"), ("model", "i4")])
RATINGS = np.dtype([("user", "i8"), ("movie", "i4"), ("time", "i8"), ("rating", "f8")])


class Movies:
    """The numbers of movies, from 1 without a gap, as far as they were read; for all threads of a process."""

    def __init__(self) -> None:
        self.names = [""]
        self.numbers: dict[str, int] = {}
        self._lock = Lock()

    def add(self, rows: Iterable[tuple[int, str]]) -> None:
        """Learn numbers and ids, in the numbers' order; known ones are passed over."""
        with self._lock:
            for number, name in rows:
                if number == len(self.names):
                    self.names.append(intern(name))
                    self.numbers[name] = number

    def packed(self, names: Sequence[str]) -> bytes:
        """The movies' numbers as little-endian int32."""
        return struct.pack(f"<{len(names)}i", *map(self.numbers.__getitem__, names))


def movies_of(batch: Batch) -> set[str]:
    """Every movie that a batch names."""
    movies = {viewing.movie for viewing in batch.viewings}
    movies.update(rated.movie for rated in batch.ratings)
    return movies.union(*(request.movies for request in batch.requests))


def minutes_bytes(bits: int) -> bytes:
    """A set of minutes as little-endian bytes without zeros at the end."""
    return bits.to_bytes((bits.bit_length() + 7) // 8, "little")


def minutes_bits(packed: bytes) -> int:
    """The inverse of `minutes_bytes`."""
    return int.from_bytes(packed, "little")


def viewing_row(viewing: Viewing, numbers: Mapping[str, int]) -> Row:
    """A row of `viewing`."""
    return (
        viewing.day,
        viewing.user,
        numbers[viewing.movie],
        viewing.first_time,
        viewing.last_time,
        *encoding.minutes_in(viewing.minutes),
        minutes_bytes(viewing.minutes),
    )


def rating_row(rated: Rated, numbers: Mapping[str, int]) -> Row:
    """A row of `rating`."""
    return rated.time, rated.user, numbers[rated.movie], rated.rating


def request_row(request: Requested, movies: Movies) -> Row:
    """A row of `request`."""
    return (
        request.time,
        request.user,
        encoding.request_digest(request),
        request.server,
        request.status,
        request.millis,
        movies.packed(request.movies),
        request.error,
    )


def quarantined_row(line: Quarantined) -> Row:
    """A row of `quarantine`."""
    return line.position, line.reason, line.raw, line.size


def route_row(route: Route) -> Row:
    """A row of `route`."""
    models = json.dumps(encoding.plain_models(route.models))
    return route.number, route.time, models, route.action, route.who, route.why


def route(row: Row) -> Route:
    """The inverse of `route_row`."""
    number, time, models, action, who, why = row
    return Route(number, time, encoding.models_of(json.loads(models)), action, who, why)


def answer_row(answer: Answer, served: Mapping[ModelRef, int], movies: Movies) -> Row:
    """A row of `answer`; `served` are the models' numbers."""
    listed, fresh = movies.packed(answer.movies), encoding.fresh_text(answer.fresh)
    return answer.time, answer.user, answer.arm, served[answer.model], answer.rung, listed, fresh


def fields(records: "np.ndarray[tuple[int], np.dtype[np.void]]") -> frames.Chunk:
    """The columns of a structured array, each in one piece."""
    return {name: np.ascontiguousarray(records[name]) for name in records.dtype.names or ()}
