"""The three things that the log tells: a movie was watched, was rated, recommendations were requested.

Times are whole nanoseconds since 1970-01-01T00:00 UTC, users are whole numbers from 0, movies are ids such
as `toy+story+1995`.
"""

from typing import NamedTuple

SECOND = 1_000_000_000
"""Nanoseconds."""
DAY = 86_400 * SECOND
"""Nanoseconds."""


class Watched(NamedTuple):
    """A user saw one minute of a movie."""

    time: int
    user: int
    movie: str
    minute: int


class Rated(NamedTuple):
    """A user gave a movie 1 to 5 stars, in halves at the finest."""

    time: int
    user: int
    movie: str
    rating: float


class Requested(NamedTuple):
    """A caller asked `server` for a user's recommendations and waited `millis` milliseconds.

    `movies` are the ids answered, in the answer's order and with its repetitions; a failed request may carry
    them too. `error` is the error's text where there was one in their place, else empty.
    """

    time: int
    user: int
    server: str
    status: int
    movies: tuple[str, ...]
    error: str
    millis: int


Event = Watched | Rated | Requested
