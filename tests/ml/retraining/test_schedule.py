"""When the next model is due, in the log's time."""

from dataclasses import replace
from datetime import date

import pytest

from ml.retraining.schedule import NEWEST, due, label_due, pause_ends
from movielog.events import DAY, SECOND
from movielog.times import instant
from store.port import FAILED, PUBLISHED, REFUSED, RUNNING, UNFIT, ModelRef, Retrain, Window

MODEL = ModelRef("KNN", "0" * 64)
MINUTE = 60 * SECOND


def _retrain(outcome: str, newest: str = "2022-04-08T15:09", started: int = 0) -> Retrain:
    window, figures = Window.until(date(2022, 4, 8), 5), {NEWEST: instant(newest) / SECOND}
    return Retrain("KNN", 1, window, started, started + MINUTE, outcome, figures=figures)


def test_the_first_model_is_due_at_once() -> None:
    assert due([], 3) is None


@pytest.mark.parametrize("outcome", [PUBLISHED, REFUSED])
def test_the_next_one_is_due_days_after_what_the_last_one_knew(outcome: str) -> None:
    assert due([_retrain(outcome)], 3) == instant("2022-04-11T15:09")


def test_a_window_that_was_not_fit_is_looked_at_again_after_a_day() -> None:
    assert due([_retrain(UNFIT)], 3) == instant("2022-04-09T15:09")


@pytest.mark.parametrize("outcome", [FAILED, RUNNING])
def test_what_failed_or_was_killed_changes_nothing(outcome: str) -> None:
    done = _retrain(PUBLISHED)
    assert due([done, _retrain(outcome, "2022-04-11T16:00")], 3) == due([done], 3)
    assert due([_retrain(outcome)], 3) is None


def test_a_retrain_of_the_past_by_hand_does_not_bring_the_next_one_forward() -> None:
    assert due([_retrain(PUBLISHED), _retrain(PUBLISHED, "2022-04-05")], 3) == instant("2022-04-11T15:09")


def test_what_does_not_say_how_far_the_log_went_counts_by_its_window() -> None:
    assert due([replace(_retrain(PUBLISHED), figures={})], 3) == instant("2022-04-09") + 3 * DAY


def test_the_champion_comes_first_then_every_model_is_a_challenger() -> None:
    assert label_due({}) == 1
    assert label_due({2: MODEL}) == 1
    assert label_due({1: MODEL}) == 2
    assert label_due({1: MODEL, 2: MODEL}) == 2


def test_after_a_failure_or_two_it_is_tried_again_at_once() -> None:
    assert pause_ends([]) == 0
    assert pause_ends([_retrain(PUBLISHED), _retrain(FAILED), _retrain(FAILED)]) == 0


def test_the_pause_doubles_with_every_further_failure_up_to_six_hours() -> None:
    failed = [_retrain(FAILED, started=number * DAY) for number in range(60)]
    ends = [pause_ends(failed[:count]) - failed[count - 1].started - MINUTE for count in (3, 4, 5, 60)]
    assert ends == [10 * MINUTE, 20 * MINUTE, 40 * MINUTE, 360 * MINUTE]


def test_a_success_ends_the_pause() -> None:
    assert pause_ends([*[_retrain(FAILED)] * 9, _retrain(PUBLISHED)]) == 0
