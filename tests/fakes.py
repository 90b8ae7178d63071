"""The store in memory: small, slow and obviously right; what the real ones are compared with."""

from collections.abc import Iterable, Sequence, Set
from pathlib import Path
from typing import Any

import pandas as pd

from movielog.events import Rated, Requested
from store import frames
from store.encoding import request_digest
from store.port import (
    Answer,
    Batch,
    Evaluation,
    Lists,
    ModelRef,
    Quarantined,
    Retrain,
    Route,
    RouteConflict,
    Seen,
    Store,
    StoreError,
    Viewing,
    Window,
)

NUMBERS = {
    "user",
    "time",
    "first_time",
    "last_time",
    "first_minute",
    "last_minute",
    "minutes",
    "status",
    "millis",
    "arm",
}
CATEGORIES = {"movie", "model", "digest", "rung"}


class MemoryStore(Store):
    """Plain sets and dictionaries of the port's own records."""

    def __init__(self) -> None:
        self._viewings: dict[tuple[int, int, str], Viewing] = {}
        self._ratings: set[Rated] = set()
        self._requests: set[Requested] = set()
        self._quarantine: dict[str, Quarantined] = {}
        self._models: dict[ModelRef, dict[str, bytes]] = {}
        self._routes: list[Route] = []
        self._answers: dict[tuple[int, int], Answer] = {}
        self._leases: dict[str, tuple[str, int]] = {}
        self._retrains: dict[tuple[int, str], Retrain] = {}
        self._evaluations: dict[tuple[int, str], Evaluation] = {}
        self._checkpoints: dict[str, bytes] = {}

    def record(self, batch: Batch) -> None:
        for viewing in batch.viewings:
            identity = (viewing.day, viewing.user, viewing.movie)
            self._viewings[identity] = _union(self._viewings.get(identity, viewing), viewing)
        self._ratings.update(batch.ratings)
        self._requests.update(batch.requests)
        self._quarantine.update({line.position: line for line in batch.quarantined})

    def quarantined(self) -> Iterable[Quarantined]:
        return [self._quarantine[position] for position in sorted(self._quarantine)]

    def release(self, positions: Sequence[str]) -> None:
        for position in positions:
            self._quarantine.pop(position, None)

    def newest(self) -> int | None:
        times = [viewing.last_time for viewing in self._viewings.values()]
        return max([*times, *(event.time for event in self._ratings | self._requests)], default=None)

    def watches(self, window: Window) -> pd.DataFrame:
        return _frame(
            ["user", "movie", "first_time", "last_time", "first_minute", "last_minute", "minutes"],
            [
                (
                    seen.user,
                    seen.movie,
                    seen.first_time,
                    seen.last_time,
                    min(minutes),
                    max(minutes),
                    len(minutes),
                )
                for seen in self._viewings.values()
                if _inside(seen.first_time, window)
                for minutes in [_minutes(seen)]
            ],
        )

    def ratings(self, window: Window) -> pd.DataFrame:
        rows = [(rated.user, rated.movie, rated.time, rated.rating) for rated in _of(self._ratings, window)]
        return _frame(["user", "movie", "time", "rating"], rows).astype({"rating": "float64"})

    def requests(self, window: Window, user: int | None = None) -> pd.DataFrame:
        rows = [
            (
                asked.user,
                asked.time,
                asked.server,
                asked.status,
                asked.millis,
                ",".join(asked.movies),
                asked.error,
            )
            for asked in _of(self._requests, window)
            if user in (None, asked.user)
        ]
        return _frame(["user", "time", "server", "status", "millis", "movies", "error"], rows)

    def lists(self, window: Window) -> Lists:
        asked = [asked for asked in _of(self._requests, window) if asked.status == 200]
        rows = [(it.user, it.time, it.millis, request_digest(it), ",".join(it.movies)) for it in asked]
        return Lists(*frames.numbered(frames.from_rows([rows], {**frames.LISTS, "movies": frames.text})))

    def history(self, user: int, besides: Set[str] = frozenset()) -> Sequence[Seen]:
        viewings = [viewing for viewing in self._viewings.values() if viewing.user == user]
        ratings = sorted(
            (rated for rated in self._ratings if rated.user == user), key=lambda it: (it.time, it.rating)
        )
        movies = {viewing.movie for viewing in viewings} | {rated.movie for rated in ratings}
        return [_seen(movie, viewings, ratings) for movie in sorted(movies - besides)]

    def save_model(self, ref: ModelRef, folder: Path) -> None:
        files = {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}
        if len(files) != len(list(folder.iterdir())) or not files:
            raise StoreError(f"{folder} is not a model's folder: expected files and nothing else")
        self._models[ref] = files

    def fetch_model(self, ref: ModelRef, folder: Path) -> None:
        if ref not in self._models:
            raise StoreError(f"there is no model {ref.name} {ref.digest}")
        for name, content in self._models[ref].items():
            (folder / name).write_bytes(content)

    def models(self) -> Sequence[ModelRef]:
        return list(self._models)

    def add_route(self, route: Route) -> None:
        if route.number != len(self._routes) + 1:
            raise RouteConflict(f"route {route.number} cannot follow route {len(self._routes)}")
        self._routes.append(route)

    def routes(self) -> Sequence[Route]:
        return list(self._routes)

    def record_answers(self, answers: Sequence[Answer]) -> None:
        for answer in answers:
            self._answers.setdefault((answer.time, answer.user), answer)

    def answers(self, window: Window, user: int | None = None) -> pd.DataFrame:
        rows = [
            (it.user, it.time, it.arm, *it.model, it.rung, ",".join(it.movies), _fresh(it))
            for it in _of(self._answers.values(), window)
            if user in (None, it.user)
        ]
        return _frame(["user", "time", "arm", "model", "digest", "rung", "movies", "fresh"], rows)

    def arms(self, window: Window) -> pd.DataFrame:
        return self.answers(window)[["user", "time", "arm", "model"]]

    def lease(self, name: str, holder: str, now: int, until: int) -> bool:
        owner, end = self._leases.get(name, (holder, 0))
        if owner != holder and end > now:
            return False
        self._leases[name] = holder, until
        return True

    def end_lease(self, name: str, holder: str) -> None:
        if self._leases.get(name, ("", 0))[0] == holder:
            del self._leases[name]

    def record_retrain(self, retrain: Retrain) -> None:
        self._retrains[retrain.started, retrain.name] = retrain

    def retrains(self) -> Sequence[Retrain]:
        return [self._retrains[key] for key in sorted(self._retrains)]

    def record_evaluation(self, evaluation: Evaluation) -> None:
        self._evaluations[evaluation.until, evaluation.experiment] = evaluation

    def evaluations(self, experiment: str | None = None) -> Sequence[Evaluation]:
        looks = [self._evaluations[key] for key in sorted(self._evaluations)]
        return [look for look in looks if experiment in (None, look.experiment)]

    def save_checkpoint(self, name: str, state: bytes) -> None:
        self._checkpoints[name] = state

    def checkpoint(self, name: str) -> bytes | None:
        return self._checkpoints.get(name)

    def close(self) -> None:
        """There is nothing to let go of."""


def _union(one: Viewing, other: Viewing) -> Viewing:
    times = min(one.first_time, other.first_time), max(one.last_time, other.last_time)
    return Viewing(one.day, one.user, one.movie, *times, one.minutes | other.minutes)


def _minutes(viewing: Viewing) -> list[int]:
    return [minute for minute in range(viewing.minutes.bit_length()) if viewing.minutes >> minute & 1]


def _inside(time: int, window: Window) -> bool:
    return window.start <= time < window.end


def _of(events: Iterable[Any], window: Window) -> list[Any]:
    return sorted(
        (event for event in events if _inside(event.time, window)), key=lambda it: (it.time, it.user)
    )


def _seen(movie: str, viewings: Sequence[Viewing], ratings: Sequence[Rated]) -> Seen:
    """`ratings` oldest first."""
    watched = [viewing for viewing in viewings if viewing.movie == movie]
    rated = [rating for rating in ratings if rating.movie == movie]
    last = max([viewing.last_time for viewing in watched] + [rating.time for rating in rated])
    minutes = sum(len(_minutes(viewing)) for viewing in watched)
    return Seen(movie, last, minutes, rated[-1].rating if rated else None)


def _fresh(answer: Answer) -> str:
    return ",".join(f"{movie}={float(strength)!r}" for movie, strength in answer.fresh.items())


def _frame(names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> pd.DataFrame:
    """Columns of the port's types; categories are those that occur, sorted."""
    frame = pd.DataFrame(rows, columns=list(names))
    types = {name: "int64" if name in NUMBERS else "str" for name in names if name != "rating"}
    return frame.astype(types).astype({name: "category" for name in names if name in CATEGORIES})
