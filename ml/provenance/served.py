"""What a user was answered at a time: the service's own record, else the log's line of the request."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from ml import routes
from ml.online import CLOCKS_DIFFER
from movielog.events import DAY, SECOND, Requested
from movielog.times import iso
from store.port import Answer, ModelRef, Route, Store, Window

MILLISECOND = SECOND // 1000
REPLICAS_FOLLOW = 5 * SECOND
"""How long a replica may go on with what a route took out of service."""

ASKED_TWICE = SECOND
"""Within this time answers to a user may be to one request, which a balancer gave to a second replica."""

_SPANS = (60 * SECOND, 3600 * SECOND, DAY, 30 * DAY)
_END = 2**63 - 1
AROUND = 60 * SECOND
"""How far apart an answer and the log's line of it may be at most."""


class NoAnswerError(Exception):
    """The user was answered nothing up to that time; the sentence says what is known instead."""


class Served(NamedTuple):
    """One answer to a user.

    `answer` is what the service recorded, `request` the line that the log has of it; each is None where there
    is none, but not both.
    """

    answer: Answer | None
    request: Requested | None

    @property
    def time(self) -> int:
        """When it was answered, in ns: by the service's clock, else by the log's."""
        return self.answer.time if self.answer else self.asked.time

    @property
    def user(self) -> int:
        """Whose answer it is."""
        return self.answer.user if self.answer else self.asked.user

    @property
    def movies(self) -> tuple[str, ...]:
        """The movies answered, best first."""
        return self.answer.movies if self.answer else self.asked.movies

    @property
    def asked(self) -> Requested:
        """The log's line of an answer without a record."""
        if self.request is None:
            raise ValueError("an answer that neither the service nor the log knows of")
        return self.request


def find(store: Store, user: int, until: int) -> Served:
    """The newest answer to a user at or before a time in ns; NoAnswerError where there is none.

    A successful request in the log is an answer too where the service has none recorded with the same movies
    at about its time.
    """
    for span in (*_SPANS, until + 1):
        found = served(store, user, Window(max(0, until + 1 - span), until + 1))
        if found:
            return _the_callers(found)
    raise NoAnswerError(_nothing(store, user, until))


def _the_callers(found: Sequence[Served]) -> Served:
    """The newest answer. Where a balancer asked two replicas, the one whose movies the log tells of."""
    newest = max(found, key=lambda each: each.time)
    twice = [each for each in found if newest.time - each.time <= ASKED_TWICE]
    told = [each for each in twice if each.request]
    return newest if newest.request or not told else max(told, key=lambda each: each.time)


def served(store: Store, user: int, window: Window) -> Sequence[Served]:
    """All answers to a user in a window, by the time of the answer or else of the log's line."""
    around = Window(max(0, window.start - AROUND), min(window.end + AROUND, _END))
    asked = store.requests(around, user)
    successful = [request_of(row) for row in rows(asked[asked["status"] == 200])]
    both = join([answer_of(row) for row in rows(store.answers(around, user))], successful)
    return [each for each in both if window.start <= each.time < window.end]


def join(answers: Iterable[Answer], requests: Iterable[Requested]) -> Sequence[Served]:
    """Answers and log lines of one user, each line with the answer that it tells of.

    That is the nearest one with the same movies, at most the request's own duration and `CLOCKS_DIFFER` away.
    """
    left = {answer.time: answer for answer in answers}
    found = []
    for request in sorted(requests, key=lambda one: one.time):
        near = [answer for answer in left.values() if _tells_of(request, answer)]
        nearest = min(near, key=lambda answer: abs(answer.time - request.time), default=None)
        if nearest:
            del left[nearest.time]
        found.append(Served(nearest, request))
    return [*found, *(Served(answer, None) for answer in left.values())]


def _tells_of(request: Requested, answer: Answer) -> bool:
    apart = abs(answer.time - request.time)
    return answer.movies == request.movies and apart <= request.millis * MILLISECOND + CLOCKS_DIFFER


def rows(frame: pd.DataFrame) -> Sequence[Mapping[Any, Any]]:
    """The rows of a frame of the store."""
    return frame.to_dict("records")


def answer_of(row: Mapping[str, Any]) -> Answer:
    """The record that a row of `Store.answers` was made of."""
    model = ModelRef(row["model"], row["digest"])
    fresh = {movie: float(text) for movie, _, text in _pairs(row["fresh"])}
    return Answer(row["time"], row["user"], row["arm"], model, row["rung"], _listed(row["movies"]), fresh)


def request_of(row: Mapping[str, Any]) -> Requested:
    """The event that a row of `Store.requests` was made of."""
    return Requested(**{**row, "movies": _listed(row["movies"])})


def _pairs(text: str) -> Iterable[tuple[str, str, str]]:
    return (pair.rpartition("=") for pair in _listed(text))


def _listed(text: str) -> tuple[str, ...]:
    return tuple(text.split(",")) if text else ()


def _nothing(store: Store, user: int, until: int) -> str:
    said = f"user {user} was answered nothing up to {iso(until)}"
    later = served(store, user, Window(until + 1, _END))
    if later:
        return f"{said}; the first answer after that is of {iso(min(each.time for each in later))}"
    return f"{said} and nothing later: neither the service nor the log knows of an answer"


def in_force(ledger: Sequence[Route], since: int, until: int) -> Sequence[Route]:
    """The routes that were in force at any time from `since` to `until`, in ns, oldest first."""
    first = routes.at(ledger, since)
    return [*([first] if first else []), *(route for route in ledger if since < route.time <= until)]


def likely_models(ledger: Sequence[Route], arm: int, request: Requested) -> Sequence[ModelRef]:
    """The models that can have answered a request of an arm of which there is no record, the likeliest first.

    Several where the route changed about then; none before the first route.
    """
    began = request.time - request.millis * MILLISECOND - CLOCKS_DIFFER - REPLICAS_FOLLOW
    newest_first = reversed(in_force(ledger, began, request.time + CLOCKS_DIFFER))
    return list(dict.fromkeys(model for route in newest_first if (model := model_of(route, arm))))


def model_of(route: Route, arm: int) -> ModelRef | None:
    """The model that a route gives to an arm; an arm without one of its own is served by the other's."""
    return route.models.get(arm) or next(iter(route.models.values()), None)
