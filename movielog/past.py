"""A past made in one piece, and written into the log as fast as that takes it."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from movielog.events import Rated, Watched
from movielog.format import format_event
from movielog.source import open_writer
from movielog.times import instant, nanoseconds

Ints = NDArray[np.int64]

_BATCH = 20_000


@dataclass(frozen=True)
class Past:
    """Events by time. rows: time, user, movie (place in `movies`), minute (-1 for a rating), stars."""

    movies: Sequence[str]
    rows: pd.DataFrame

    def events(self) -> Iterator[Watched | Rated]:
        """One event per row."""
        for time, user, movie, minute, stars in zip(*(self.rows[c].tolist() for c in self.rows), strict=True):
            if minute < 0:
                yield Rated(time, user, self.movies[movie], stars)
            else:
                yield Watched(time, user, self.movies[movie], minute)

    def lines(self) -> Iterator[bytes]:
        """One line of the log per row."""
        return map(format_event, self.events())


def watched(time: Ints, user: Ints, movie: Ints, minute: Ints) -> pd.DataFrame:
    """Rows of a past: a minute of a movie each."""
    return pd.DataFrame({"time": time, "user": user, "movie": movie, "minute": minute, "stars": np.nan})


def rated(time: Ints, user: Ints, movie: Ints, stars: NDArray[np.float64]) -> pd.DataFrame:
    """Rows of a past: a rating each; none where `stars` is NaN."""
    rows = pd.DataFrame({"time": time, "user": user, "movie": movie, "minute": -1, "stars": stars})
    return rows[rows["stars"].notna()]


def before(until: int, movies: Sequence[str], *rows: pd.DataFrame) -> Past:
    """What of these rows happened before `until` (ns)."""
    together = pd.concat(rows)
    return Past(movies, together[together["time"] < until].sort_values("time", kind="stable"))


def moment(text: str) -> int:
    """`now` or an ISO 8601 date or time, UTC where no zone is given, in ns; ValueError for anything else."""
    return nanoseconds(datetime.now(UTC)) if text == "now" else instant(text)


def write(url: str, lines: Iterable[bytes], expected: int) -> int:
    """Append lines to the log, with progress towards `expected` on stderr; returns their number.

    LogError where the log does not take them.
    """
    writer, remaining, written = open_writer(url), iter(lines), 0
    while batch := list(islice(remaining, _BATCH)):
        writer.append(batch)
        written += len(batch)
        _show(written, expected)
    writer.close()
    print(file=sys.stderr)
    return written


def _show(written: int, expected: int) -> None:
    share = min(1.0, written / max(expected, 1))
    print(f"\r{written:,} lines, {share:.0%}", end="", file=sys.stderr, flush=True)
