"""A user's history from viewings and ratings."""

from collections.abc import Iterable
from operator import itemgetter

from store.port import Seen


def joined(watched: Iterable[tuple[str, int, int]], rated: Iterable[tuple[str, int, float]]) -> list[Seen]:
    """One record per movie of viewings (movie, last time, minutes) and ratings (movie, time, stars)."""
    found: dict[str, tuple[int, int, float | None]] = {}
    for movie, time, minutes in watched:
        last, total, _ = found.get(movie, (time, 0, None))
        found[movie] = max(last, time), total + minutes, None
    for movie, time, stars in sorted(rated, key=itemgetter(1, 2)):
        last, total, _ = found.get(movie, (time, 0, None))
        found[movie] = max(last, time), total, stars
    return [Seen(movie, *rest) for movie, rest in found.items()]
