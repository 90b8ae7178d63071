"""The four online metrics by arm and model, read aloud from the definitions and counted one by one."""

from collections import defaultdict
from collections.abc import Sequence

from movielog.events import DAY, SECOND, Rated, Requested, Watched
from store.port import Answer
from tests.monitor.quality.world import Told

Group = tuple[int, str]


def recount(told: Sequence[Told], start: int, end: int) -> dict[Group, dict[str, float | None]]:
    """Of everything told, the window from `start` up to but not including `end`."""
    events = [one.event for one in told]
    asked = [each for each in _grouped(events) if start <= each[1].time < end]
    viewings = {key: time for key, time in _viewings(events).items() if start <= time < end}
    ratings = [one for one in events if isinstance(one, Rated) and start <= one.time < end]
    return {
        group: _metrics([request for other, request in asked if other == group], viewings, ratings)
        for group in {group for group, _ in asked}
    }


def _grouped(events: Sequence[object]) -> list[tuple[Group, Requested]]:
    answers = [one for one in events if isinstance(one, Answer)]
    found = []
    for request in {one for one in events if isinstance(one, Requested) and one.status == 200}:
        mine = [one for one in answers if one.user == request.user]
        nearest = min(mine, key=lambda one: abs(one.time - request.time), default=None)
        if nearest and abs(nearest.time - request.time) <= request.millis * 1_000_000 + 2 * SECOND:
            found.append(((nearest.arm, nearest.model.name), request))
    return found


def _viewings(events: Sequence[object]) -> dict[tuple[int, int, str], int]:
    """First time by day, user and movie."""
    times = defaultdict(list)
    for one in events:
        if isinstance(one, Watched):
            times[one.time // DAY, one.user, one.movie].append(one.time)
    return {key: min(found) for key, found in times.items()}


def _metrics(
    asked: Sequence[Requested], viewings: dict[tuple[int, int, str], int], ratings: Sequence[Rated]
) -> dict[str, float | None]:
    users = {request.user for request in asked}
    watched = {(user, movie) for _, user, movie in viewings if user in users}
    followed, top = set(), set()
    for request in asked:
        for (_, user, movie), began in viewings.items():
            if user == request.user and movie in request.movies and began > request.time:
                followed.add((user, movie))
                if request.movies[0] == movie:
                    top.add((user, movie))
    return {
        "requests": len(asked),
        "users": len(users),
        "record_accuracy": len(followed) / len(watched) if watched else None,
        "recommendation_accuracy": len({user for user, _ in followed}) / len(users),
        "average_rating": _mean(followed, ratings),
        "average_top_rating": _mean(top, ratings),
    }


def _mean(pairs: set[tuple[int, str]], ratings: Sequence[Rated]) -> float | None:
    newest = {}
    for one in sorted(ratings, key=lambda one: (one.time, one.rating)):
        newest[one.user, one.movie] = one.rating
    stars = [newest[pair] for pair in pairs if pair in newest]
    return sum(stars) / len(stars) if stars else None
