"""Does a model answer as the service needs it to?"""

import time
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from ml.evaluation import COUNT
from ml.gate.bar import Bar
from ml.gate.verdict import Verdict
from ml.knn import KnnModel
from store.port import Seen

_MOST_TOLD = 3


class Request(NamedTuple):
    """A user to answer, what was seen since training, and all that was ever seen."""

    user: int
    fresh: Mapping[str, float]
    seen: frozenset[str]


def ask(model: KnnModel, table: pd.DataFrame, bar: Bar) -> Verdict:
    """Ask for a sample of the snapshot's users, half of them with a newer movie, and for one unknown user."""
    requests = _sample(model, table, bar)
    _answered(model, requests[0])  # what is made once is not counted
    faults, slowest = [], 0.0
    for request in requests:
        found, seconds = _answered(model, request)
        slowest = max(slowest, seconds)
        faults += [f"user {request.user}: {fault}" for fault in found]
    if slowest * 1000 > bar.answer_ms:
        faults.append(f"an answer took {slowest * 1000:.0f} ms: at most {bar.answer_ms} are allowed")
    more = [f"and {len(faults) - _MOST_TOLD} more"] if len(faults) > _MOST_TOLD else []
    return Verdict((*faults[:_MOST_TOLD], *more), {"slowest_answer_seconds": slowest, "asked": len(requests)})


def _sample(model: KnnModel, table: pd.DataFrame, bar: Bar) -> list[Request]:
    rng = np.random.default_rng(bar.seed)
    users = np.unique(table["user"])
    chosen = rng.choice(users, min(bar.sample_users, len(users)), replace=False)
    theirs = table[table["user"].isin(chosen)]
    seen = theirs["movie"].astype("str").groupby(theirs["user"]).agg(frozenset)
    new = rng.choice(table["movie"].cat.categories.to_numpy(object), len(chosen))
    requests = [
        _request(model, user, seen[user], movie if number % 2 else None)
        for number, (user, movie) in enumerate(zip(chosen.tolist(), new.tolist(), strict=True))
    ]
    return [*requests, Request(int(users.max()) + 1, {}, frozenset())]


def _request(model: KnnModel, user: int, seen: frozenset[str], movie: str | None) -> Request:
    newer = [] if movie is None else [Seen(movie, model.window.end, 60, None)]
    return Request(user, model.fresh(user, newer), seen | {one.movie for one in newer})


def _answered(model: KnnModel, request: Request) -> tuple[list[str], float]:
    """What is wrong with the answer, and the seconds that it took."""
    started = time.perf_counter()
    movies = model.recommend(request.user, request.fresh, COUNT).movies
    seconds = time.perf_counter() - started
    return _faults(model, request, movies), seconds


def _faults(model: KnnModel, request: Request, movies: tuple[str, ...]) -> list[str]:
    expected = min(COUNT, len(model.numbers.keys() - request.seen))
    faults = {
        f"{len(movies)} movies in place of {expected}": len(movies) != expected,
        "a movie twice": len(set(movies)) < len(movies),
        "a movie that was seen": not request.seen.isdisjoint(movies),
        "a movie that is not known": not set(movies) <= model.numbers.keys(),
    }
    return [fault for fault, found in faults.items() if found]
