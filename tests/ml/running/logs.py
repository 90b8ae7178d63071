"""Random logs as a store comes to hold them: written late, in pieces, with repetitions."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from ml.running.asked import LATE
from movielog.events import DAY, SECOND, Rated, Requested
from store.port import Answer, Batch, ModelRef, Store, Viewing

START = 19_090 * DAY - 3_600 * SECOND
"""An hour before midnight, so that viewings of the same movie fall on two days."""
SINCE = START + 900 * SECOND
END = START + 3 * 3_600 * SECOND
MODELS = {arm: ModelRef(f"KNN_{arm}_2022-04-08", f"{arm}" * 8) for arm in (1, 2)}


class Told(NamedTuple):
    """Events and answers that are written at the same time."""

    batch: Batch
    answers: Sequence[Answer]

    def write(self, store: Store) -> None:
        store.record(self.batch)
        store.record_answers(self.answers)


def random_log(seed: int, pieces: int = 6) -> list[Told]:
    """In the order of writing, which is that of time up to `LATE`; few users and movies, so that repetitions,
    ties, users of both arms and answers to other requests happen."""
    rng = np.random.default_rng(seed)
    events = [event for _ in range(rng.integers(1, 150)) for event in _some(rng)]
    written = sorted(events, key=lambda event: _time(event) + int(rng.integers(LATE)))
    cuts = np.sort(rng.integers(0, len(written) + 1, pieces - 1))
    return [_told(part) for part in (written[a:b] for a, b in zip([0, *cuts], [*cuts, None], strict=True))]


def _some(rng: Generator) -> Sequence[Viewing | Rated | Requested | Answer]:
    time = START + int(rng.integers((END - START) // (10 * SECOND))) * 10 * SECOND
    user, movie = int(rng.integers(9)), f"m{rng.integers(8)}"
    match rng.integers(4):
        case 0:
            return [Rated(time, user, movie, float(rng.integers(2, 11)) / 2)]
        case 1:
            return [_minute(time + minute * 60 * SECOND, user, movie, minute) for minute in range(3)]
    return _request(rng, time, user)


def _minute(time: int, user: int, movie: str, minute: int) -> Viewing:
    return Viewing(time // DAY, user, movie, time, time, 1 << minute)


def _request(rng: Generator, time: int, user: int) -> Sequence[Requested | Answer]:
    movies = tuple(f"m{movie}" for movie in rng.integers(8, size=rng.integers(5)))
    arm = int(rng.integers(1, 3)) if user < 2 else user % 2 + 1
    status = 200 if rng.random() < 0.9 else 500
    millis = int(rng.choice([30, 4_000, 9_999_999]))
    answered = time + int(rng.integers(-4_000, 4_000)) * 1_000_000
    answer = Answer(answered, user, arm, MODELS[arm], "knn", movies)
    asked = Requested(time, user, "host:1", status, movies, "", millis)
    return [asked, answer] if rng.random() < 0.9 else [asked]


def _time(event: Viewing | Rated | Requested | Answer) -> int:
    return event.first_time if isinstance(event, Viewing) else event.time


def _told(events: Sequence[Viewing | Rated | Requested | Answer]) -> Told:
    viewings = [event for event in events if isinstance(event, Viewing)]
    ratings = [event for event in events if isinstance(event, Rated)]
    requests = [event for event in events if isinstance(event, Requested)]
    answers = [event for event in events if isinstance(event, Answer)]
    return Told(Batch(viewings, ratings, requests), answers)
