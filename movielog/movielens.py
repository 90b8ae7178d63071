"""MovieLens files -> lines of the log: real ratings as a history."""

import argparse
import os
import re
import sys
import unicodedata
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from movielog.events import DAY, SECOND
from movielog.past import Past, before, moment, rated, watched, write
from movielog.port import LogError
from settings import SettingsError, read_settings

SHORTEST, LONGEST = 80, 140
"""Minutes of a movie, whose true length the files do not tell."""
LONGEST_ID = 200
"""Characters."""

_MINUTE = 60 * SECOND
_COLUMNS = {
    "user": ("userId", "user_id"),
    "movie": ("movieId", "movie_id"),
    "rating": ("rating",),
    "time": ("timestamp",),
    "title": ("title",),
}
_TITLE = re.compile(r"(?P<name>.*?)\s*(?:\(\s*(?P<year>[0-9]{4})[^()]*\))?\s*")
_ARTICLE_LAST = re.compile(r"(.+), (the|a|an)", re.IGNORECASE)
_DROPPED = "['\N{RIGHT SINGLE QUOTATION MARK}.\N{COMBINING DOT ABOVE}]"


class MovieLensError(Exception):
    """What is wrong with a folder, in one sentence."""


@dataclass(frozen=True)
class MovieLens:
    """Movies by their number in the files; lengths in minutes.

    ratings: user, movie (its place in `movies`), time (int64, ns), stars (float64, 1 to 5).
    """

    movies: tuple[str, ...]
    lengths: NDArray[np.int64]
    ratings: pd.DataFrame


def read_movielens(folder: Path) -> MovieLens:
    """The data of `ratings.csv` and `movies.csv`; MovieLensError where one is missing or not as it should be.

    Half a star counts as one: the log has no less.
    """
    rows = _numbers(
        _table(folder / "ratings.csv", ["user", "movie", "rating", "time"]), folder / "ratings.csv"
    )
    titles = _table(folder / "movies.csv", ["movie", "title"]).astype({"title": "str"})
    titles = _numbers(titles.drop_duplicates("movie"), folder / "movies.csv", ["movie"])
    numbers = np.unique(np.concatenate([titles["movie"], rows["movie"]]).astype(np.int64))
    named = dict(zip(titles["movie"].astype(np.int64), titles["title"], strict=True))
    ids = movie_ids({number: named.get(number, "") for number in numbers.tolist()})
    ratings = pd.DataFrame(
        {
            "user": rows["user"].astype(np.int64),
            "movie": np.searchsorted(numbers, rows["movie"]),
            "time": rows["time"].astype(np.int64) * SECOND,
            "stars": rows["rating"].clip(lower=1.0),
        }
    )
    return MovieLens(tuple(ids.values()), np.array([_length(movie) for movie in ids.values()]), ratings)


def _table(path: Path, wanted: Sequence[str]) -> pd.DataFrame:
    """The wanted columns, whatever of their names the file uses."""
    try:
        table = pd.read_csv(path)
    except FileNotFoundError:
        raise MovieLensError(
            f"{path} is missing: expected a folder with ratings.csv and movies.csv"
        ) from None
    except (OSError, ValueError) as error:
        raise MovieLensError(f"{path} cannot be read as CSV: {error}") from None
    found = {wanted_name: _column(table, path, wanted_name) for wanted_name in wanted}
    return pd.DataFrame({name: table[column] for name, column in found.items()})


def _column(table: pd.DataFrame, path: Path, wanted: str) -> str:
    for name in _COLUMNS[wanted]:
        if name in table:
            return name
    raise MovieLensError(
        f"{path} has no column {' or '.join(_COLUMNS[wanted])}, only {', '.join(table.columns)}"
    )


def _numbers(table: pd.DataFrame, path: Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """The table, its columns as numbers of a sensible size."""
    for name in columns or table.columns:
        values = pd.to_numeric(table[name], errors="coerce")
        low, high = (0, 5) if name == "rating" else (0, 2**31)
        wrong = ~values.between(low, high)
        if wrong.any():
            line = int(wrong.argmax())
            raise MovieLensError(f"{path}, row {line + 1}: {table[name].iloc[line]!r} is no {name}")
        table = table.assign(**{name: values})
    return table


def movie_ids(titles: dict[int, str]) -> dict[int, str]:
    """Different ids for titles by number: `Toy Story (1995)` -> `toy+story+1995`.

    Of several movies with one id the first by number has it, the others get their number added.
    """
    ids: dict[int, str] = {}
    taken = set()
    for number in sorted(titles):
        name = movie_id(titles[number]) or f"movie+{number}"
        while name in taken:
            name += f"+{number}"
        taken.add(name)
        ids[number] = name
    return ids


def movie_id(title: str) -> str:
    """Words of a title and its year in small letters, joined by `+`; empty for a title without a word.

    Other titles in brackets are left out, an article at the end goes to the front, apostrophes and full stops
    vanish, and all other signs part words.
    """
    parts = _TITLE.fullmatch(unicodedata.normalize("NFC", title))
    name, year = (parts["name"], parts["year"] or "") if parts else (title, "")
    name = re.sub(r"(?<=\S)\s*\([^()]*\)", "", name)
    name = _ARTICLE_LAST.sub(r"\2 \1", name).lower()
    words = re.findall(r"[\w-]*\w[\w-]*", re.sub(_DROPPED, "", name))
    return "+".join([*words, *([year] if year else [])])[:LONGEST_ID]


def _length(movie: str) -> int:
    """Plausible minutes, always the same for one movie."""
    return SHORTEST + zlib.crc32(movie.encode()) % (LONGEST - SHORTEST + 1)


def history(data: MovieLens, until: int, days: float | None) -> Past:
    """Each rating, and before it the first, the middle and the last minute of its movie.

    Three minutes tell that a movie was seen, and how long it is; all would make the log thirty times as long.
    With `days` the ratings' times keep their order but are spread evenly over the days before `until` (ns);
    without, they stay as they are. Who rated many movies at once seems to have watched them at once.
    """
    rows = data.ratings
    time, user, movie = (rows[name].to_numpy() for name in ("time", "user", "movie"))
    if days is not None:
        time = _spread(time, until, days)
    last = data.lengths[movie] - 1
    minutes = [
        watched(time - (last + 1 - minute) * _MINUTE, user, movie, minute)
        for minute in (0 * last, last // 2, last)
    ]
    return before(until, data.movies, *minutes, rated(time, user, movie, rows["stars"].to_numpy()))


def _spread(time: NDArray[np.int64], until: int, days: float) -> NDArray[np.int64]:
    """Whole seconds in the same order, as many in each part of the days before `until`."""
    not_earlier = len(time) - np.searchsorted(np.sort(time), time)
    seconds = not_earlier * round(days * DAY / SECOND) // max(len(time), 1)
    return np.asarray((until // SECOND - np.maximum(seconds, 1)) * SECOND)


def main(argv: Sequence[str] | None = None) -> int:
    """Write the history; 2 where the folder, the log or an option is no good."""
    arguments = _parser().parse_args(argv)
    try:
        url = arguments.log or read_settings(os.environ).movielog_url
        data = read_movielens(arguments.folder)
        past = history(data, arguments.until, arguments.days)
        print(f"{write(url, past.lines(), len(past.rows)):,} lines of {len(data.ratings):,} ratings in {url}")
    except (MovieLensError, LogError, SettingsError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m movielog.movielens", description=__doc__)
    parser.add_argument("folder", type=Path, help="holds ratings.csv and movies.csv")
    parser.add_argument("--log", metavar="URL", help="the log; MOVIELOG_URL by default")
    parser.add_argument(
        "--days", type=float, help="spread all ratings over so many days (default: real times)"
    )
    parser.add_argument(
        "--until", type=moment, default="now", metavar="TIME", help="the end of the days, or `now`"
    )
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
