from collections.abc import Callable
from math import exp, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from ml.experiment.inference import ArmEstimate, Difference
from ml.experiment.sequential import AlwaysValid, Evidence, Monitoring, Planned

ARM = ArmEstimate(0.4, 0.01, 5000, 5000.0)
EFFECT = 0.02
RULES = [Planned(), Planned(1, 5), Planned(3, 5), Planned(5, 5), AlwaysValid()]


def _difference(z: float, error: float = 0.01) -> Difference:
    return Difference(z * error, error, 1e9, 0.0, ARM, ARM)


def test_a_single_look_is_the_plain_test() -> None:
    difference = _difference(1.7)
    assert Planned().p(Evidence.of(difference, EFFECT)) == difference.p
    assert Planned().interval(difference, EFFECT, 0.05) == difference.interval(0.05)


@pytest.mark.parametrize("looks", [1, 2, 5, 14])
def test_the_looks_share_the_level(looks: int) -> None:
    shares = [Planned(look, looks).share for look in range(1, looks + 1)]
    assert sum(shares) == pytest.approx(1.0)
    assert max(shares) == shares[-1] >= 0.9


@pytest.mark.parametrize(("look", "looks"), [(0, 5), (6, 5), (-1, 1), (1, 0)])
def test_a_look_that_was_not_planned_is_refused(look: int, looks: int) -> None:
    with pytest.raises(ValueError, match="not one of the"):
        Planned(look, looks)


@given(st.sampled_from(RULES), st.floats(-8, 8), st.floats(1e-4, 0.1), st.floats(0.001, 0.2))
def test_the_interval_leaves_out_zero_just_where_p_is_below_the_level(
    rule: Monitoring, z: float, error: float, alpha: float
) -> None:
    difference = _difference(z, error)
    low, high = rule.interval(difference, EFFECT, alpha)
    p = rule.p(Evidence.of(difference, EFFECT))
    if abs(p / alpha - 1) > 1e-6:
        assert (p < alpha) == (low > 0 or high < 0)


@pytest.mark.parametrize("error", [0.004, 0.01, 0.05])
@pytest.mark.parametrize("z", [0.0, 1.5, 4.0])
def test_the_always_valid_p_is_one_over_the_mixture_of_likelihood_ratios(error: float, z: float) -> None:
    def mixed(effect: float) -> float:
        ratio = exp((z * error * effect - effect**2 / 2) / error**2)
        return ratio * float(stats.norm.pdf(effect, scale=EFFECT))

    reach = 8 * (EFFECT + error)
    mixture, _ = integrate.quad(mixed, -reach, reach, points=[0, z * error], limit=500)
    p = AlwaysValid().p(Evidence.of(_difference(z, error), EFFECT))
    assert p == pytest.approx(min(1.0, 1 / mixture), rel=1e-6)


def _ever_below(rule: Callable[[int], Monitoring], drift: float, runs: int, seed: int) -> float:
    """Share of experiments in which p is at most 0.05 at any of 50 looks, after 1/50, 2/50, ... of the users.

    `drift` is the true difference in standard errors at the end.
    """
    rng = np.random.default_rng(seed)
    share = np.arange(1, 51) / 50
    steps = rng.normal(drift / 50, sqrt(1 / 50), (runs, 50))
    z = steps.cumsum(axis=1) / np.sqrt(share)
    errors = 0.005 / np.sqrt(share)
    below = [
        [
            rule(look + 1).p(Evidence.of(_difference(each[look], errors[look]), EFFECT)) <= 0.05
            for look in range(50)
        ]
        for each in z
    ]
    return float(np.any(below, axis=1).mean())


@pytest.mark.parametrize(
    "rule", [lambda look: Planned(look, 50), lambda _: AlwaysValid()], ids=["planned", "always"]
)
def test_equal_arms_looked_at_fifty_times_seldom_seem_to_differ(rule: Callable[[int], Monitoring]) -> None:
    assert 0.01 < _ever_below(rule, 0.0, 800, seed=1) < 0.07


def test_equal_arms_looked_at_fifty_times_without_correction_often_seem_to_differ() -> None:
    assert _ever_below(lambda _: Planned(), 0.0, 300, seed=2) > 0.25


@pytest.mark.parametrize("looks", [1, 5, 14])
@pytest.mark.parametrize(("alpha", "power"), [(0.05, 0.8), (0.0125, 0.9)])
def test_a_difference_within_reach_is_found_at_the_last_look_with_its_power(
    looks: int, alpha: float, power: float
) -> None:
    reach = Planned(1, looks).reach(alpha, power)
    z = np.random.default_rng(3).normal(reach, 1, 20_000)
    p = [Planned(looks, looks).p(Evidence.of(_difference(each), EFFECT)) for each in z]
    assert np.mean(np.array(p) <= alpha) == pytest.approx(power, abs=0.012)


def test_reach_of_the_always_valid_test_is_for_the_effect_it_is_tuned_to() -> None:
    reach = AlwaysValid().reach(0.05, 0.8)
    z = np.random.default_rng(4).normal(reach, 1, 20_000)
    p = [AlwaysValid().p(Evidence.of(_difference(each, EFFECT / reach), EFFECT)) for each in z]
    assert np.mean(np.array(p) <= 0.05) == pytest.approx(0.8, abs=0.012)
    assert reach > Planned(1, 14).reach(0.05, 0.8)


def test_with_several_degrees_of_freedom_the_ratio_is_a_product_over_independent_ones() -> None:
    first, second = Evidence(0.0, 9.0, 1, 2.5), Evidence(0.0, 4.0, 1, 2.5)
    both = Evidence(0.0, 13.0, 2, 2.5)
    assert AlwaysValid().p(both) == pytest.approx(AlwaysValid().p(first) * AlwaysValid().p(second))
