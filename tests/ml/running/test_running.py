"""Kept up to date in any way, the figures are those of `ml.online` over everything at once."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest

from ml import online
from ml.experiment.moments import MEASURED, Moments, moments_by_arm, with_requests
from ml.running.asked import LATE
from ml.running.feeder import Feeder
from ml.running.metrics import Running
from movielog.events import DAY, Requested
from store.port import Answer, Batch, Store, Viewing, Window
from tests.fakes import MemoryStore
from tests.ml.running.logs import END, MODELS, SINCE, START, random_log

ALWAYS = Window(SINCE, END + 3600 * 10**9)


def _at_once(store: Store, window: Window) -> pd.DataFrame:
    """Rows of `ml.online` over the whole window."""
    recommended = online.recommended(store.requests(window), store.answers(window))
    rows = online.per_user(recommended, store.watches(window), store.ratings(window))
    return with_requests(rows, recommended)[list(MEASURED)]


def _assert_same(running: Running, expected: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(running.rows(), expected, check_names=False)
    assert _plain(running.metrics()) == _plain(online.metrics(expected))
    for arm, moments in moments_by_arm(expected).items():
        _assert_equal(running.moments()[arm], moments)


def _assert_equal(found: Moments, expected: Moments) -> None:
    assert found.n == expected.n
    assert np.array_equal(found.sums, expected.sums)
    assert np.array_equal(found.products, expected.products)


def _plain(metrics: Mapping[int, online.OnlineMetrics]) -> str:
    return str(sorted(metrics.items()))  # NaN equals itself


@pytest.mark.parametrize("seed", range(12))
def test_read_again_and_again_while_it_is_written_a_store_gives_what_it_gives_at_once(seed: int) -> None:
    store = MemoryStore()
    feeder = Feeder(store, Running(SINCE))
    for told in random_log(seed):
        told.write(store)
        until = max((store.newest() or 0) + 1, feeder.until)
        _assert_same(feeder.advance(until), _at_once(store, Window(SINCE, until)))


@pytest.mark.parametrize("seed", range(12))
def test_what_was_told_may_be_told_again_at_any_time(seed: int) -> None:
    rng = np.random.default_rng(seed)
    whole, parts, running = MemoryStore(), [], Running(SINCE)
    for told in random_log(seed):
        part = MemoryStore()
        for store in (whole, part):
            told.write(store)
        parts.append(part)
        for each in [part, *rng.choice(np.array(parts, dtype=object), 2)]:
            _tell(running, each)
        _assert_same(running, _at_once(whole, ALWAYS))


def _tell(running: Running, store: Store) -> None:
    watches = store.watches(Window(0, ALWAYS.end))
    running.update(store.lists(ALWAYS), store.arms(ALWAYS), watches, store.ratings(ALWAYS))


def test_a_viewing_that_proves_to_have_begun_before_the_start_counts_no_more() -> None:
    store = MemoryStore()
    feeder = Feeder(store, Running(SINCE))
    store.record_answers([Answer(SINCE, 7, 1, MODELS[1], "knn", ("m1",))])
    store.record(Batch([_viewing(SINCE + 9)], requests=[_asked(SINCE)]))
    assert feeder.advance(SINCE + 10).metrics()[1].followers == 1
    store.record(Batch([_viewing(SINCE - 1)]))
    assert feeder.advance(SINCE + 11).metrics()[1].watched == 0


def test_what_comes_more_than_ten_minutes_late_does_not_count() -> None:
    store = MemoryStore()
    feeder = Feeder(store, Running(SINCE))
    store.record(Batch(requests=[_asked(SINCE + 1), _asked(SINCE + 2 * LATE)]))
    store.record_answers([Answer(SINCE + 2 * LATE, 7, 2, MODELS[2], "knn", ("m1",))])
    feeder.advance(SINCE + 2 * LATE + 1)
    store.record_answers([Answer(SINCE + 1, 7, 1, MODELS[1], "knn", ("m1",))])
    assert set(feeder.advance(SINCE + 2 * LATE + 2).metrics()) == {2}


def test_what_users_did_before_stands_beside_what_they_do() -> None:
    told, earlier, later = random_log(3), MemoryStore(), MemoryStore()
    for number, each in enumerate(told):
        each.write(earlier if number < 4 else later)
    before = Feeder(earlier, Running(START)).advance(ALWAYS.end).everyone()
    running = Feeder(later, Running(START, before)).advance(ALWAYS.end)
    expected = moments_by_arm(_at_once(later, Window(START, ALWAYS.end)), before)
    assert before["watched"].sum() > 0
    for arm, moments in expected.items():
        _assert_equal(running.moments()[arm], moments)


def test_what_everyone_did_counts_who_watched_without_asking_and_both_arms_as_one() -> None:
    store = MemoryStore()
    for told in random_log(5):
        told.write(store)
    everyone = Feeder(store, Running(START)).advance(ALWAYS.end).everyone()
    window = Window(START, ALWAYS.end)
    by_user = _at_once(store, window).groupby("user").sum()
    assert everyone.loc[by_user.index, "rating_sum"].tolist() == by_user["rating_sum"].tolist()
    watched = store.watches(window).groupby("user", observed=True)["movie"].nunique()
    assert everyone["watched"].to_dict() == {**dict.fromkeys(everyone.index, 0), **watched.to_dict()}


def _asked(time: int) -> Requested:
    return Requested(time, 7, "host:1", 200, ("m1",), "", 30)


def _viewing(time: int) -> Viewing:
    return Viewing(SINCE // DAY, 7, "m1", time, SINCE + 9, 1)
