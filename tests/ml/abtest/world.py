"""A store in which two models are compared for some hours."""

from collections.abc import Sequence

import numpy as np
from numpy.random import Generator

from ml.split import parse_split
from movielog.events import DAY, SECOND, Rated, Requested
from store.port import Answer, Batch, ModelRef, Route, Store, Viewing

HOUR = 3600 * SECOND
SINCE = 19_090 * DAY + 9 * HOUR
SPLIT = "hash:test:50"
OLD, NEW = ModelRef("KNN_1_2022-04-07", "a" * 64), ModelRef("KNN_2_2022-04-08", "b" * 64)
MOVIES = tuple(f"movie+{number}+1990" for number in range(30))
LISTED = 6


def serve(store: Store, why: str = "trained") -> None:
    """Model OLD serves all a day before SINCE; from then on NEW serves arm 2."""
    store.add_route(Route(1, SINCE - DAY, {1: OLD}, "publish", "ada", why))
    store.add_route(Route(2, SINCE, {1: OLD, 2: NEW}, "publish", "ada", why))


def live(
    store: Store, start: int, end: int, users: int = 600, follow: Sequence[float] = (0.3, 0.3), seed: int = 1
) -> None:
    """Users ask twice on average between two times, follow with the chance of their arm, and often rate."""
    rng, split = np.random.default_rng(seed), parse_split(SPLIT)
    batches = [
        _visit(rng, start + int(rng.random() * (end - start - HOUR // 2)), user, split.arm(user), follow)
        for user in range(users)
        for _ in range(rng.poisson(2))
    ]
    asked, watched, rated = zip(*batches, strict=True)
    models = {1: OLD, 2: NEW if start >= SINCE else OLD}
    store.record_answers(
        [
            Answer(one.time, one.user, arm, models[arm], "knn", one.movies)
            for one in asked
            for arm in [split.arm(one.user)]
        ]
    )
    store.record(Batch(watched, [each for each in rated if each], asked))


def _visit(
    rng: Generator, time: int, user: int, arm: int, follow: Sequence[float]
) -> tuple[Requested, Viewing, Rated | None]:
    listed = tuple(MOVIES[at] for at in rng.choice(len(MOVIES), LISTED, replace=False))
    followed = rng.random() < follow[arm - 1]
    movie = str(rng.choice(listed)) if followed else str(rng.choice(MOVIES))
    began, later = time + 60 * SECOND, time + 900 * SECOND
    stars = float(rng.integers(2, 11)) / 2
    return (
        Requested(time, user, "host:1", 200, listed, "", 30),
        Viewing(began // DAY, user, movie, began, began + 600 * SECOND, 0b11),
        Rated(later, user, movie, stars) if rng.random() < 0.6 else None,
    )
