import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from ml.experiment.inference import METRICS, Metric, NotEnoughDataError, arm_estimate, compare, holm
from ml.experiment.moments import Array, Moments, moments_by_arm, user_values
from tests.ml.experiment.people import earlier, people

RECORD, RECOMMENDATION, RATING, TOP = METRICS
REQUESTS = Metric("requests", "requests", "requests", "users", 1.0)


def _arms(seed: int, old: int = 900, new: int = 700) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    return user_values(people(rng, old)), user_values(people(rng, new, follows=0.45))


@pytest.mark.parametrize(("metric", "column"), [(RECOMMENDATION, 8), (REQUESTS, 1)])
def test_a_mean_over_users_is_compared_by_welchs_test(metric: Metric, column: int) -> None:
    old, new = _arms(1)
    welch = stats.ttest_ind(old[:, column], new[:, column], equal_var=False)
    difference = compare(metric, Moments.of(old), Moments.of(new))
    assert difference.t == pytest.approx(welch.statistic, rel=1e-9)
    assert difference.p == pytest.approx(welch.pvalue, rel=1e-9)
    assert difference.freedom == pytest.approx(welch.df, rel=1e-9)
    assert difference.interval(0.05) == pytest.approx(welch.confidence_interval(0.95), rel=1e-9)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.key)
def test_the_standard_error_is_that_of_a_bootstrap_over_users(metric: Metric) -> None:
    values, _ = _arms(2)
    arm = Moments.of(values)
    columns = [arm.columns.index(metric.numerator), arm.columns.index(metric.denominator)]
    rng = np.random.default_rng(3)
    sums = rng.multinomial(len(values), np.full(len(values), 1 / len(values)), 4000) @ values[:, columns]
    estimate = arm_estimate(metric, arm)
    assert estimate.value == pytest.approx(values[:, columns[0]].sum() / values[:, columns[1]].sum())
    assert estimate.error == pytest.approx((sums[:, 0] / sums[:, 1]).std(), rel=0.06)


def test_effective_users_are_few_where_few_rate() -> None:
    values, _ = _arms(4)
    raters = (values[:, 5] > 0).sum()
    estimate = arm_estimate(RATING, Moments.of(values))
    assert estimate.users == 900
    assert 0.2 * raters < estimate.effective < raters


def test_a_user_who_does_everything_counts_as_one() -> None:
    values, _ = _arms(5)
    values[0, 1:8] = 1e6
    with pytest.raises(NotEnoughDataError, match="an arm has data of 1 users where 30"):
        arm_estimate(RATING, Moments.of(values))


@pytest.mark.parametrize("metric", [RECORD, RECOMMENDATION, RATING], ids=lambda metric: metric.key)
def test_earlier_behaviour_is_used_as_the_best_of_all_linear_adjustments(metric: Metric) -> None:
    rng = np.random.default_rng(6)
    arms = [people(rng, 400), people(rng, 500)]
    values = [user_values(rows, earlier(rng, rows)) for rows in arms]
    difference = compare(metric, *(Moments.of(each) for each in values))

    def linear(each: Array) -> tuple[Array, Array]:
        columns = Moments.of(each).columns
        at = [
            columns.index(prefix + name)
            for prefix in ("", "before_")
            for name in (metric.numerator, metric.denominator)
        ]
        y, d, *x = each[:, at].T
        return y.sum() / d.sum() + (y - y.sum() / d.sum() * d) / d.mean(), np.column_stack(x)

    (old, x_old), (new, x_new) = (linear(each) for each in values)

    def variance(theta: Array) -> float:
        return float(
            np.var(old - x_old @ theta, ddof=1) / len(old) + np.var(new - x_new @ theta, ddof=1) / len(new)
        )

    scale = 1 / variance(np.zeros(2))
    best = optimize.minimize(lambda theta: variance(theta) * scale, np.zeros(2), tol=1e-12)
    adjusted = (old - x_old @ best.x).mean() - (new - x_new @ best.x).mean()
    assert difference.reduction == pytest.approx(1 - best.fun, abs=0.01)
    assert difference.reduction > 0.005
    assert difference.estimate == pytest.approx(adjusted, abs=difference.error / 100)


def test_without_earlier_behaviour_nothing_is_adjusted() -> None:
    old, new = (Moments.of(values) for values in _arms(7))
    for metric in METRICS:
        difference = compare(metric, old, new)
        assert difference.reduction == 0
        assert difference.estimate == difference.old.value - difference.new.value


def test_arms_exchanged_change_the_sign_alone() -> None:
    rng = np.random.default_rng(8)
    rows = people(rng, 300)
    old, new = moments_by_arm(rows, earlier(rng, rows))[1], Moments.of(user_values(people(rng, 200)))
    there, back = compare(RECORD, old, new), compare(RECORD, new, old)
    assert there.estimate == pytest.approx(-back.estimate)
    assert (there.error, there.p) == pytest.approx((back.error, back.p))
    assert there.n == back.n == 500


def test_what_cannot_be_computed_is_said() -> None:
    values, other = (Moments.of(each) for each in _arms(9))
    few = Moments.of(_arms(9)[0][:29])
    with pytest.raises(NotEnoughDataError, match="an arm has data of 29 users where 30 are the fewest"):
        compare(RECOMMENDATION, values, few)
    silent = _arms(9)[0]
    silent[:, 4:8] = 0
    with pytest.raises(NotEnoughDataError, match="an arm has data of 0 users"):
        compare(TOP, Moments.of(silent), other)
    silent[:, 8] = 1
    with pytest.raises(NotEnoughDataError, match="all users are alike"):
        compare(RECOMMENDATION, Moments.of(silent), Moments.of(silent))
    with pytest.raises(NotEnoughDataError, match="data of 0 users"):
        compare(RECORD, values, Moments.of(silent[:0]))


def test_one_arm_without_variation_is_compared_by_the_variation_of_the_other() -> None:
    old, new = _arms(10)
    new[:, 8] = 1
    difference = compare(RECOMMENDATION, Moments.of(old), Moments.of(new))
    assert difference.error == pytest.approx(old[:, 8].std(ddof=1) / 30)
    assert difference.freedom == pytest.approx(899)


def test_holms_adjustment_is_the_textbooks() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_holm_rejects_step_by_step_from_the_smallest(p_values: list[float]) -> None:
    alpha, left = 0.05, sorted(p_values)
    rejected = 0
    while left and left[0] * len(left) <= alpha:
        left.pop(0)
        rejected += 1
    assert sum(p <= alpha for p in holm(p_values)) == rejected
