"""A log whose truth is known: lines, and what a store must hold after reading all of them."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime

USERS = 1_000
_MOVIES = [f"film+{number}+{1950 + number % 70}" for number in range(400)]
_DAYS = 5
_BEGIN = int(datetime(2022, 4, 4, tzinfo=UTC).timestamp())
LAST_DAY = "2022-04-08"
"""The UTC day on which the newest event lies."""
_BROKEN = [
    b"",
    b"\xff\xfe",
    b"2022-04-05T10:00:00,7,GET /data/m//3.mpg",
    b"2022-13-01T00:00:00,7,GET /rate/x=3",
]
_SHARES = {"minutes": 0.93, "ratings": 0.04, "requests": 0.02}
"""Of the lines; the rest is damaged."""


@dataclass(frozen=True)
class Truth:
    """What the lines tell, as plain rows.

    `watches`: (user, movie, first second, last second, first minute, last minute, minutes), one per user,
    movie and day; `ratings`: (user, movie, second, stars); `requests`: (user, second, server, status,
    milliseconds, movies).
    """

    watches: set[tuple[int, str, int, int, int, int, int]]
    ratings: set[tuple[int, str, int, float]]
    requests: set[tuple[int, int, str, int, int, str]]
    malformed: int


def make(lines: int, seed: int) -> tuple[list[bytes], Truth]:
    """So many different lines in the order of their times but for the damaged ones, and what they tell."""
    chance = random.Random(seed)
    dated: dict[bytes, int] = {}
    ratings: set[tuple[int, str, int, float]] = set()
    requests: set[tuple[int, int, str, int, int, str]] = set()
    seen: dict[tuple[int, str, int], dict[int, set[int]]] = {}
    while len(dated) < lines * _SHARES["minutes"]:
        _view(chance, dated, seen)
    while len(ratings) < lines * _SHARES["ratings"]:
        ratings.add(_rate(chance, dated))
    while len(requests) < lines * _SHARES["requests"]:
        requests.add(_request(chance, dated))
    ordered = sorted(dated, key=dated.__getitem__)
    malformed = lines - len(ordered)
    for number in range(malformed):
        ordered.insert(chance.randrange(len(ordered)), _BROKEN[number % len(_BROKEN)])
    return ordered, Truth(_rows(seen), ratings, requests, malformed)


def _second(chance: random.Random) -> int:
    return _BEGIN + chance.randrange(_DAYS * 86_400)


def _stamp(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _movie(chance: random.Random) -> str:
    """Low numbers are popular."""
    return _MOVIES[int(len(_MOVIES) * chance.random() ** 2)]


def _view(
    chance: random.Random, dated: dict[bytes, int], seen: dict[tuple[int, str, int], dict[int, set[int]]]
) -> None:
    """Somebody watches a movie from its beginning, a minute of it every minute."""
    user, movie, start = chance.randrange(USERS), _movie(chance), _second(chance)
    for minute in range(chance.randrange(5, 120)):
        second = start + 60 * minute
        if second >= _BEGIN + _DAYS * 86_400:
            return
        dated[f"{_stamp(second)},{user},GET /data/m/{movie}/{minute}.mpg".encode()] = second
        seen.setdefault((user, movie, second // 86_400), {}).setdefault(second, set()).add(minute)


def _rate(chance: random.Random, dated: dict[bytes, int]) -> tuple[int, str, int, float]:
    user, movie, second, stars = (
        chance.randrange(USERS),
        _movie(chance),
        _second(chance),
        chance.randint(1, 5),
    )
    dated[f"{_stamp(second)},{user},GET /rate/{movie}={stars}".encode()] = second
    return user, movie, second, float(stars)


def _request(chance: random.Random, dated: dict[bytes, int]) -> tuple[int, int, str, int, int, str]:
    user, second, millis = chance.randrange(USERS), _second(chance), chance.randrange(900)
    movies = chance.sample(_MOVIES, 20)
    told = f"status 200, result: {', '.join(movies)}, {millis} ms"
    dated[f"{_stamp(second)},{user},recommendation request front:4000, {told}".encode()] = second
    return user, second, "front:4000", 200, millis, ",".join(movies)


def _rows(
    seen: dict[tuple[int, str, int], dict[int, set[int]]],
) -> set[tuple[int, str, int, int, int, int, int]]:
    rows = set()
    for (user, movie, _), minutes_at in seen.items():
        minutes = set().union(*minutes_at.values())
        rows.add((user, movie, min(minutes_at), max(minutes_at), min(minutes), max(minutes), len(minutes)))
    return rows
