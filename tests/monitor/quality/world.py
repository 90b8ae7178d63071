"""A few viewers, movies and hours: what happened and when the store was told, in an order of its own."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from movielog.events import SECOND, Rated, Requested, Watched
from movielog.format import format_event
from movielog.ingest import aggregate
from store.port import Answer, Batch, ModelRef, Store
from tests.movielog.recount import START

Event = Requested | Watched | Rated
LATE = 590
MODELS = {1: ["KNN_1_2022-01-07", "KNN_1_2022-01-08"], 2: ["KNN_2_2022-01-08"]}


@dataclass(frozen=True)
class Told:
    """Something that the store is told at a second after START."""

    at: float
    event: Event | Answer


def some_world(seed: int, hours: float = 3.5) -> list[Told]:
    """What the store is told, by the time it is told."""
    chance = random.Random(seed)
    viewers, movies = range(1, chance.randrange(2, 9)), [f"m{n}" for n in range(chance.randrange(2, 14))]
    number = chance.randrange(0, 300)
    told = [
        one for _ in range(number) for one in _moment(chance, chance.choice(viewers), movies, hours * 3600)
    ]
    return sorted(told, key=lambda one: one.at)


def _moment(chance: random.Random, user: int, movies: Sequence[str], seconds: float) -> Iterator[Told]:
    second = chance.randrange(int(seconds))
    time = START - 7200 * SECOND + second * SECOND
    late = second + chance.uniform(0, LATE)
    kind = chance.random()
    if kind < 0.4:
        yield from _asked(chance, user, time, [chance.choice(movies) for _ in range(chance.randrange(6))])
    elif kind < 0.8:
        movie = chance.choice(movies)
        for minute in range(chance.randrange(1, 6)):
            watched = Watched(time + 150 * minute * SECOND, user, movie, minute)
            yield Told(second + 150 * minute + chance.uniform(0, LATE), watched)
    else:
        yield Told(late, Rated(time, user, chance.choice(movies), chance.randrange(2, 11) / 2))


def _asked(chance: random.Random, user: int, time: int, movies: Sequence[str]) -> Iterator[Told]:
    second = (time - START) / SECOND + 7200
    millis, status = chance.randrange(1500), 200 if chance.random() < 0.9 else 0
    yield Told(
        second + chance.uniform(0, LATE), Requested(time, user, "h:8082", status, tuple(movies), "", millis)
    )
    if chance.random() < 0.9:
        arm = chance.choice([1, 2]) if chance.random() < 0.2 else user % 2 + 1
        model = ModelRef(chance.choice(MODELS[arm]), "a" * 64)
        moment = time - millis * 1_000_000 + chance.randrange(1_000_000)
        rung = chance.choice(["knn", "recent", "popular"])
        yield Told(second + chance.uniform(0, 5), Answer(moment, user, arm, model, rung, tuple(movies)))


def tell(store: Store, told: Sequence[Told]) -> None:
    """Write it as ingest and the service do."""
    lines = [format_event(one.event) for one in told if not isinstance(one.event, Answer)]
    store.record(aggregate(lines, str) if lines else Batch())
    store.record_answers([one.event for one in told if isinstance(one.event, Answer)])


def in_parts(told: Sequence[Told], chance: random.Random) -> Iterator[tuple[Sequence[Told], Sequence[Told]]]:
    """What is new and everything until then, again and again."""
    done = 0
    while done < len(told):
        upto = min(len(told), done + chance.choice([3, 20, 60, 200]))
        yield told[done:upto], told[:upto]
        done = upto
