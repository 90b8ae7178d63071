"""What is shown beside the four metrics, against figures counted by hand."""

from math import isnan, log

import pandas as pd
import pytest

from monitor.quality.drift import movie_drift, psi
from monitor.quality.trained import Training, window_of
from monitor.quality.windows.lately import Lately
from movielog.events import DAY, SECOND, Rated
from store.port import PUBLISHED, Answer, Batch, ModelRef, Retrain, Viewing, Window
from tests.fakes import MemoryStore
from tests.movielog.recount import START

ONE, TWO = ModelRef("KNN_1_2022-01-07", "a" * 64), ModelRef("KNN_2_2022-01-07", "b" * 64)


def answers(*given: tuple[int, int, ModelRef, str, str]) -> pd.DataFrame:
    """Second, arm, model, rung and movies of each answer."""
    store = MemoryStore()
    store.record_answers(
        [
            Answer(START + second * SECOND, user, arm, model, rung, tuple(movies.split()))
            for user, (second, arm, model, rung, movies) in enumerate(given)
        ]
    )
    return store.answers(Window(0, 2**62))


def test_psi_is_the_sum_over_bins_of_difference_times_log_ratio() -> None:
    p, q = (60.5 / 101, 40.5 / 101), (30.5 / 101, 70.5 / 101)
    expected = sum((b - a) * log(b / a) for a, b in zip(p, q, strict=True))
    assert psi({"a": 60, "b": 40}, {"a": 30, "b": 70}) == pytest.approx(expected)
    assert expected > 0.25


def test_equal_shares_are_no_drift_whatever_the_numbers() -> None:
    assert psi({4.0: 600, 5.0: 400}, {4.0: 300, 5.0: 200}) == pytest.approx(0, abs=1e-5)


def test_few_events_say_nothing() -> None:
    assert isnan(psi({"a": 100, "b": 100}, {"a": 10, "b": 9}))
    assert isnan(psi({}, {}))


def test_movies_beyond_the_most_watched_share_a_bin_and_new_ones_another() -> None:
    trained = {f"m{n}": 1000 - n for n in range(60)}
    moved_among_the_rare = {movie: n for movie, n in trained.items() if movie != "m59"} | {"m58": 941 * 2 + 1}
    assert movie_drift(trained, moved_among_the_rare) == pytest.approx(0, abs=1e-4)
    assert movie_drift(trained, trained | {"new": 20_000}) > 0.25


def test_coverage_and_popularity_of_what_was_recommended() -> None:
    lately = Lately(3600 * SECOND)
    lately.update(START + 60 * SECOND, answers((1, 1, ONE, "knn", "a b"), (2, 1, ONE, "popular", "a z")))
    (listed,) = lately.listed().values()
    catalogue = {"a": 30, "b": 10, "c": 5, "d": 5}
    assert listed.coverage(catalogue) == 2 / 4
    watched_on_average = (30 * 30 + 10 * 10 + 5 * 5 + 5 * 5) / 50
    assert listed.popularity_lift(catalogue) == pytest.approx((30 + 10 + 30 + 0) / 4 / watched_on_average - 1)
    assert isnan(listed.coverage({})) and isnan(listed.popularity_lift({}))


def test_rungs_are_shares_of_an_arms_answers_of_the_last_hour() -> None:
    lately = Lately(3600 * SECOND)
    given = answers(
        (0, 1, ONE, "popular", "a"),
        (10, 1, ONE, "knn", "a"),
        (11, 1, TWO, "recent", "a"),
        (12, 2, TWO, "knn", ""),
    )
    lately.update(START + 60 * SECOND, given)
    lately.update(START + 60 * SECOND, given)
    assert lately.rungs() == {(1, "popular"): 1 / 3, (1, "knn"): 1 / 3, (1, "recent"): 1 / 3, (2, "knn"): 1}
    lately.update(START + 3605 * SECOND, given)
    assert lately.rungs() == {(1, "knn"): 1 / 2, (1, "recent"): 1 / 2, (2, "knn"): 1}


def test_a_models_window_is_its_retrains_else_its_names() -> None:
    retrain = Retrain(TWO.name, 2, Window(1, 2), 3, 4, PUBLISHED, model=TWO)
    assert window_of(TWO, [retrain], 5) == Window(1, 2)
    assert window_of(TWO._replace(digest="c" * 64), [retrain], 5) == Window(START - 5 * DAY, START)
    assert window_of(ModelRef("mine", "d" * 64), [retrain], 5) is None
    assert window_of(ModelRef("mine_2022-99-99", "d" * 64), [], 5) is None


def test_what_a_model_was_trained_on_is_counted_once_for_each_model() -> None:
    class Counting(MemoryStore):
        reads = 0

        def watches(self, window: Window) -> pd.DataFrame:
            self.reads += 1
            return super().watches(window)

    store = Counting()
    days = [START // DAY - 1 - n for n in (0, 1, 4, 5)]
    viewings = [Viewing(day, 7, movie, day * DAY, day * DAY, 1) for day in days for movie in ("a", "b")]
    rated = [Rated(day * DAY, 7, "a", 4.5) for day in days]
    store.record(Batch([*viewings, Viewing(days[0], 8, "a", START - 1, START - 1, 1)], rated))
    training = Training(store, 5)
    (trained,) = training.of([TWO]).values()
    assert (trained.viewings, trained.stars) == ({"a": 4, "b": 3}, {4.5: 3})
    training.of([TWO])
    assert store.reads == 5
    assert training.of([ModelRef("mine", "d" * 64)]) == {}
