"""What one viewer did within a window, and what it adds to the online metrics."""

from bisect import insort
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

Group = tuple[int, str]
"""An arm and the name of the model that answered."""
Row = tuple[float, ...]
"""Requests, then summands of the fields of `ml.online.OnlineMetrics` in their order."""


class Request(NamedTuple):
    """A successful request, and the movies that it listed."""

    time: int
    group: Group
    movies: tuple[str, ...]


class Viewer:
    """Requests by time, viewings' first times by (day, movie), ratings; `open` requests may still change
    their group."""

    __slots__ = ("open", "rated", "requests", "rows", "seen")

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.open: list[Request] = []
        self.seen: dict[tuple[int, str], int] = {}
        self.rated: dict[tuple[int, float, str], None] = {}
        self.rows: Mapping[Group, Row] = {}

    def __bool__(self) -> bool:
        return bool(self.requests or self.open or self.seen or self.rated)

    def ask(self, request: Request) -> None:
        """Add a settled request."""
        insort(self.requests, request)

    def forget(self, start: int, viewings: Counter[str], stars: Counter[float]) -> None:
        """Drop what was before `start`, and take viewings and ratings out of these counts as well."""
        self.requests = [request for request in self.requests if request.time >= start]
        self.open = [request for request in self.open if request.time >= start]
        for key in [key for key, time in self.seen.items() if time < start]:
            del self.seen[key]
            viewings[key[1]] -= 1
        for rating in [rating for rating in self.rated if rating[0] < start]:
            del self.rated[rating]
            stars[rating[1]] -= 1

    def recount(self) -> None:
        """Bring the rows up to date."""
        asked = sorted([*self.requests, *self.open])
        began = {movie: time for (_, movie), time in sorted(self.seen.items())}
        newest = {movie: stars for _, stars, movie in sorted(self.rated)}
        groups = {request.group for request in asked}
        self.rows = {
            group: _row([request for request in asked if request.group == group], began, newest)
            for group in groups
        }


def _row(asked: list[Request], began: Mapping[str, int], newest: Mapping[str, float]) -> Row:
    """Of requests of one group by time, viewings' latest first times, and newest ratings."""
    listed = dict(_first(((movie, request.time) for request in asked for movie in request.movies), began))
    top = dict(_first(((request.movies[0], request.time) for request in asked if request.movies), began))
    followed = [movie for movie, time in listed.items() if began[movie] > time]
    stars = [newest[movie] for movie in followed if movie in newest]
    top_stars = [newest[movie] for movie, time in top.items() if began[movie] > time and movie in newest]
    ratings = sum(stars), len(stars), sum(top_stars), len(top_stars)
    return len(asked), 1, bool(followed), len(began), len(followed), *ratings


def _first(listed: Iterator[tuple[str, int]], began: Mapping[str, int]) -> Iterator[tuple[str, int]]:
    """The first of each movie that was watched."""
    known = set()
    for movie, time in listed:
        if movie in began and movie not in known:
            known.add(movie)
            yield movie, time
