"""What is seen at each look, against the statistics of everything up to it at once."""

import math

import numpy as np
import pytest

from ml import online
from ml.abtest import experiment as experiments
from ml.abtest import looks as looking
from ml.abtest.looks import Look, Schedule, Watch, at_once
from ml.experiment.moments import MEASURED, moments_by_arm, with_requests
from ml.experiment.sequential import AlwaysValid, Planned
from ml.experiment.verdict import Outcome
from ml.split import parse_split
from store.port import Store, StoreUnavailable, Window
from tests.fakes import MemoryStore
from tests.ml.abtest.world import HOUR, SINCE, SPLIT, live, serve


def _quiet(_: str) -> None:
    """Nobody listens."""


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore()
    serve(store)
    live(store, SINCE - 4 * HOUR, SINCE, users=200, seed=2)
    live(store, SINCE, SINCE + 4 * HOUR, users=300, follow=(0.2, 0.6))
    return store


def _looks(store: Store, split: str = SPLIT) -> list[Look]:
    watch = Watch(store, experiments.under_way(store.routes()), parse_split(split), _quiet)
    return list(watch.looks(Schedule(SINCE, HOUR, 4), at_once))


def test_each_look_is_over_everything_since_the_experiment_began(store: MemoryStore) -> None:
    found = _looks(store)
    assert [look.until for look in found] == [SINCE + hour * HOUR for hour in (1, 2, 3, 4)]
    for look in found:
        window = Window(SINCE, look.until)
        recommended = online.recommended(store.requests(window), store.answers(window))
        rows = online.per_user(recommended, store.watches(window), store.ratings(window))
        expected = moments_by_arm(with_requests(rows, recommended)[list(MEASURED)])
        for arm, moments in zip((1, 2), look.arms, strict=True):
            assert np.array_equal(moments.sums[:9], expected[arm].sums[:9])
            assert np.array_equal(moments.products[:9, :9], expected[arm].products[:9, :9])


def test_what_users_did_before_is_reckoned_in(store: MemoryStore) -> None:
    before = sum(arm.sum("before_requests") for arm in _looks(store)[-1].arms)
    earlier = store.requests(Window(0, SINCE))
    now = set(store.requests(Window(SINCE, SINCE + 4 * HOUR))["user"])
    assert before == earlier["user"].isin(now).sum() > 100


def test_a_truly_better_arm_is_found_and_the_split_is_sound(store: MemoryStore) -> None:
    last = _looks(store)[-1]
    assert last.verdict.outcome is Outcome.NEW
    assert last.split_p > 0.005
    assert not last.split_broken


def test_a_split_that_is_not_the_one_promised_gives_no_verdict(store: MemoryStore) -> None:
    assert _looks(store, "hash:test:20")[-1].split_broken


@pytest.mark.parametrize("split", ["first-digit", "threshold:5000", "hash:all:100"])
def test_a_rule_that_promises_no_share_to_an_arm_is_not_checked(store: MemoryStore, split: str) -> None:
    last = _looks(store, split)[-1]
    assert last.verdict.split is None
    assert math.isnan(last.split_p)
    assert last.verdict.outcome is Outcome.NEW


def test_planned_looks_share_the_level_and_open_ended_ones_are_valid_at_any_time() -> None:
    assert Schedule(SINCE, HOUR, 5).monitoring(2) == Planned(2, 5)
    assert Schedule(SINCE, HOUR, None).monitoring(2) == AlwaysValid()


def test_the_last_look_at_the_past_is_at_its_end() -> None:
    times = list(Schedule(0, 10, None, end=25).times())
    assert times == [(1, 10), (2, 20), (3, 25)]
    assert list(Schedule(0, 10, 2, end=20).times()) == [(1, 10), (2, 20)]


def test_by_event_time_a_look_waits_for_its_events(monkeypatch: pytest.MonkeyPatch) -> None:
    store, told = MemoryStore(), list[str]()
    monkeypatch.setattr(looking.time, "sleep", lambda _: live(store, SINCE, SINCE + HOUR, users=9))
    assert looking.by_events(store)(SINCE + 1, told.append) == SINCE + 1
    assert told == ["waiting for events of 2022-04-08 09:00:00, the newest is of 1970-01-01 00:00:00"]


def test_by_the_clock_a_look_sees_what_is_stored_by_then(monkeypatch: pytest.MonkeyPatch) -> None:
    store, now = MemoryStore(), [SINCE]
    live(store, SINCE, SINCE + HOUR, users=9)
    monkeypatch.setattr(looking.time, "time_ns", lambda: now[0])
    monkeypatch.setattr(looking.time, "sleep", lambda seconds: now.append(now.pop() + int(seconds * 1e9)))
    until = looking.by_clock(store)(SINCE + 3 * HOUR, _quiet)
    assert until == (store.newest() or 0) + 1
    assert now[0] >= SINCE + 3 * HOUR


def test_a_store_that_is_away_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    answers, told = [StoreUnavailable("gone"), None], list[str]()
    monkeypatch.setattr(looking.time, "sleep", lambda _: None)

    def ask() -> str:
        if (error := answers.pop(0)) is not None:
            raise error
        return "there"

    assert looking.patiently(ask, told.append) == "there"
    assert told == ["the store is away: gone"]
