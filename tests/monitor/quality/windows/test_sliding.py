"""Sliding windows against a slow recount of random logs, told piece by piece and out of order."""

import random
from collections.abc import Mapping
from math import isnan

import pytest

from ml.running.feeder import newest
from monitor.quality.windows.feed import Feed
from monitor.quality.windows.lately import Lately
from monitor.quality.windows.sliding import Measured, Sliding
from movielog.events import SECOND
from tests.fakes import MemoryStore
from tests.monitor.quality.recount import recount
from tests.monitor.quality.world import in_parts, some_world, tell

HOUR = 3600 * SECOND


def told_of(measured: Measured) -> dict[str, float | None]:
    online = measured.online
    values = {
        "requests": measured.requests,
        "users": online.users,
        "record_accuracy": online.record_accuracy,
        "recommendation_accuracy": online.recommendation_accuracy,
        "average_rating": online.average_rating,
        "average_top_rating": online.average_top_rating,
    }
    return {name: None if isnan(value) else value for name, value in values.items()}


def plain(measured: Mapping[tuple[int, str], Measured]) -> dict[tuple[int, str], dict[str, float | None]]:
    return {group: told_of(one) for group, one in measured.items()}


@pytest.mark.parametrize("seed", range(50))
def test_random_logs_give_what_a_slow_recount_gives_at_every_moment(seed: int) -> None:
    store, windows = MemoryStore(), [Sliding(HOUR // 2), Sliding(2 * HOUR)]
    feed = Feed(store, windows, Lately(HOUR))
    for new, known in in_parts(some_world(seed), random.Random(seed)):
        tell(store, new)
        end = newest(store)
        feed.advance(end)
        for sliding in windows:
            assert plain(sliding.measured()) == recount(known, end - sliding.length, end)


@pytest.mark.parametrize("seed", range(10))
def test_a_restart_gives_the_same(seed: int) -> None:
    store, world = MemoryStore(), some_world(seed)
    tell(store, world)
    sliding = Sliding(2 * HOUR)
    end = newest(store)
    Feed(store, [sliding], Lately(HOUR)).advance(end)
    assert plain(sliding.measured()) == recount(world, end - sliding.length, end)


def test_a_window_that_everything_has_left_is_empty_and_holds_nothing() -> None:
    store, sliding, lately = MemoryStore(), Sliding(HOUR), Lately(HOUR)
    feed = Feed(store, [sliding], lately)
    tell(store, some_world(3))
    end = newest(store)
    feed.advance(end)
    assert sliding.measured()
    feed.advance(end + 2 * HOUR)
    assert (sliding.measured(), +sliding.viewings, +sliding.stars) == ({}, {}, {})
    assert (sliding._viewers, sliding._ends, sliding._open) == ({}, [], set())
    assert (lately.listed(), lately._answers, lately._known) == ({}, [], set())


@pytest.mark.parametrize("seed", range(10))
def test_the_days_viewings_and_stars_are_those_of_the_store(seed: int) -> None:
    from store.port import Window

    store, sliding = MemoryStore(), Sliding(2 * HOUR)
    feed = Feed(store, [sliding], Lately(HOUR))
    for new, _ in in_parts(some_world(seed), random.Random(seed)):
        tell(store, new)
        end = newest(store)
        feed.advance(end)
    window = Window(end - 2 * HOUR, end)
    watched, rated = store.watches(window), store.ratings(window)
    assert +sliding.viewings == {movie: n for movie, n in watched["movie"].value_counts().items() if n}
    assert +sliding.stars == rated["rating"].value_counts().to_dict()
