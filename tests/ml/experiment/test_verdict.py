from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from ml.experiment.inference import METRICS, holm
from ml.experiment.moments import MEASURED, Moments, moments_by_arm, user_values
from ml.experiment.sample_ratio import check_split
from ml.experiment.sequential import AlwaysValid, Monitoring, Planned
from ml.experiment.verdict import Estimated, NotEstimated, Outcome, Verdict, judge
from tests.ml.experiment.people import people

WIDE = [replace(metric, effect=0.5) for metric in METRICS]
RULES = [Planned(), Planned(2, 5), Planned(5, 5), AlwaysValid()]


def _arm(seed: int, users: int = 6000, follows: float = 0.4, stars: float = 3.8) -> Moments:
    return Moments.of(user_values(people(np.random.default_rng(seed), users, follows=follows, stars=stars)))


def _outcomes(verdict: Verdict) -> Mapping[str, Outcome]:
    return {finding.metric.key: finding.outcome for finding in verdict.findings}


@pytest.mark.parametrize("rule", RULES)
def test_the_better_arm_is_named_whichever_it_is(rule: Monitoring) -> None:
    worse, better = _arm(1), _arm(2, follows=0.5)
    assert judge(worse, better, rule).outcome is Outcome.NEW
    assert judge(better, worse, rule).outcome is Outcome.OLD
    assert str(judge(worse, better, rule)) == "new is better in record accuracy and recommendation accuracy"


def test_equal_arms_differ_by_no_more_than_matters_once_there_are_enough_users() -> None:
    verdict = judge(_arm(3), _arm(4), Planned(5, 5), metrics=WIDE)
    assert set(_outcomes(verdict).values()) == {Outcome.SAME}
    assert str(verdict) == (
        "no difference larger than 0.5 in record accuracy, 0.5 in recommendation accuracy, "
        "0.5 in average rating and 0.5 in average top rating"
    )
    assert "record accuracy: no difference larger than 0.5; old minus new" in str(verdict.findings[0])


def test_an_interval_that_reaches_beyond_x_on_either_side_leaves_the_metric_open() -> None:
    old, new = _arm(3), _arm(4)
    first = judge(old, new, Planned()).findings[0]
    assert isinstance(first, Estimated)
    sides = sorted(abs(end) for end in first.interval)
    for effect, outcome in ((sides[1] * 0.99, Outcome.OPEN), (sides[1] * 1.01, Outcome.SAME)):
        metrics = [replace(METRICS[0], effect=effect)]
        assert sides[0] < effect
        assert judge(old, new, Planned(), metrics=metrics).outcome is outcome
        assert judge(new, old, Planned(), metrics=metrics).outcome is outcome


def test_few_users_are_not_enough_and_the_number_missing_is_said() -> None:
    verdict = judge(_arm(5, 400), _arm(6, 400), Planned(1, 5))
    assert verdict.outcome is Outcome.OPEN
    first = verdict.findings[0]
    assert isinstance(first, Estimated)
    assert f"not enough data yet ({first.users_needed:,} more users would show" in str(first)
    assert first.users_needed > 10_000
    assert first.detectable > first.metric.effect


def test_a_metric_without_data_is_open_and_keeps_its_place_in_the_family() -> None:
    rows = people(np.random.default_rng(7), 2000)
    silent = rows.assign(**dict.fromkeys(MEASURED[3:], 0))
    old, new = moments_by_arm(silent)[1], _arm(8, follows=0.5)
    verdict = judge(old, new, Planned())
    assert isinstance(verdict.findings[2], NotEstimated)
    assert str(verdict.findings[2]).startswith("average rating: not enough data yet (an arm has data of 0")
    assert verdict.outcome is Outcome.NEW
    estimated = [finding for finding in verdict.findings if isinstance(finding, Estimated)]
    expected = holm([*(finding.p for finding in estimated), 1.0, 1.0])
    assert [finding.adjusted_p for finding in estimated] == pytest.approx(expected[:2])


def test_arms_that_are_each_better_in_something_are_said_to_be_so() -> None:
    verdict = judge(_arm(9, 12_000, stars=4.2), _arm(10, 12_000, follows=0.5), Planned())
    assert verdict.outcome is Outcome.MIXED
    assert _outcomes(verdict)["record_accuracy"] is Outcome.NEW
    assert _outcomes(verdict)["average_rating"] is Outcome.OLD
    assert str(verdict).startswith("old is better in average rating")
    assert "; new is better in record accuracy" in str(verdict)


def test_a_broken_split_leaves_no_verdict_however_clear_the_difference() -> None:
    old, new = _arm(11), _arm(12, users=5000, follows=0.5)
    check = check_split(old, new, 0.5)
    verdict = judge(old, new, Planned(), check)
    assert verdict.outcome is Outcome.BROKEN
    assert _outcomes(verdict)["record_accuracy"] is Outcome.NEW
    assert judge(old, new, Planned(), check_split(old, new, 5 / 11)).outcome is Outcome.NEW


def test_one_metric_that_differs_is_named_though_others_are_open() -> None:
    verdict = judge(_arm(13, 12_000, stars=4.0), _arm(14, 12_000), Planned())
    assert verdict.outcome is Outcome.OLD
    assert _outcomes(verdict)["record_accuracy"] is Outcome.OPEN


def test_a_difference_is_never_both_certain_and_inside_its_own_doubt() -> None:
    for seed in range(20):
        verdict = judge(_arm(100 + seed, 500), _arm(200 + seed, 500, follows=0.47), Planned(5, 5))
        for finding in verdict.findings:
            if isinstance(finding, Estimated) and finding.outcome in (Outcome.OLD, Outcome.NEW):
                assert finding.interval[0] > 0 or finding.interval[1] < 0
                assert finding.p <= finding.adjusted_p <= 0.05
