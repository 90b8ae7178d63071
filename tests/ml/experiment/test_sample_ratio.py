import numpy as np
import pandas as pd
import pytest
from numpy.random import Generator
from scipy import stats

from ml.experiment.inference import NotEnoughDataError
from ml.experiment.moments import Moments, moments_by_arm, user_values
from ml.experiment.sample_ratio import LEVEL, check_split
from ml.experiment.sequential import AlwaysValid, Planned
from tests.ml.experiment.people import earlier, people


def _one_request_each(users: int) -> Moments:
    rows = people(np.random.default_rng(0), users)
    return moments_by_arm(rows.assign(requests=1))[1]


@pytest.mark.parametrize("share2", [0.5, 0.2])
def test_with_one_request_each_it_is_the_chi_square_test_of_the_users(share2: float) -> None:
    check = check_split(_one_request_each(800), _one_request_each(300), share2)
    expected = stats.chisquare([800, 300], [1100 * (1 - share2), 1100 * share2])
    assert check.freedom == 1
    assert check.chi2 == pytest.approx(expected.statistic)
    assert check.p == pytest.approx(expected.pvalue)
    assert check.deviations[0] == pytest.approx((300 - 1100 * share2) / (1100 * share2 * (1 - share2)) ** 0.5)


def _experiment(rng: Generator, users: int, lost: float, share2: float = 0.5) -> tuple[Moments, Moments]:
    """Users with a history, put in arms by chance; a share `lost` of arm 2's requests is lost."""
    rows = people(rng, users)
    before = earlier(rng, rows)
    second = rng.random(users) < share2
    requests = rows["requests"].to_numpy()
    kept = np.where(second, rng.binomial(requests, 1 - lost), requests)
    values = user_values(rows.assign(requests=kept), before)
    return Moments.of(values[~second & (kept > 0)]), Moments.of(values[second & (kept > 0)])


@pytest.mark.parametrize("share2", [0.5, 0.1])
def test_sound_splits_have_a_p_below_a_level_as_often_as_the_level_says(share2: float) -> None:
    rng = np.random.default_rng(1)
    p_values = [check_split(*_experiment(rng, 600, 0.0, share2), share2).p for _ in range(300)]
    assert stats.kstest(p_values, "uniform").pvalue > 0.001


def test_lost_requests_are_found_though_hardly_a_user_is_missing() -> None:
    rng = np.random.default_rng(2)
    checks = [check_split(*_experiment(rng, 8000, 0.08), 0.5) for _ in range(40)]
    assert np.mean([check.broken(Planned(5, 5)) for check in checks]) >= 0.95
    users = [stats.chisquare(check.users).pvalue <= LEVEL for check in checks]
    assert np.mean(users) < 0.5
    assert np.mean([check.deviations[1] for check in checks]) < -1


def test_a_rule_that_is_not_the_one_applied_is_found() -> None:
    old, new = _experiment(np.random.default_rng(3), 20_000, 0.0, share2=0.48)
    check = check_split(old, new, 0.5)
    assert check.broken(Planned())
    assert check.broken(AlwaysValid())
    assert not check_split(old, new, 0.48).broken(Planned())


def test_users_without_history_are_checked_by_users_and_requests() -> None:
    rows = people(np.random.default_rng(4), 500)
    arms = moments_by_arm(pd.concat([rows, rows.rename(index={1: 2}, level="arm")]))
    check = check_split(arms[1], arms[2], 0.5)
    assert check.freedom == 2
    assert check.chi2 == pytest.approx(0, abs=1e-9)
    assert check.users == (500, 500)
    assert check.requests == (rows["requests"].sum(),) * 2


def test_a_check_without_users_or_with_an_impossible_share_is_refused() -> None:
    nobody, users = _one_request_each(0), _one_request_each(10)
    with pytest.raises(NotEnoughDataError, match="nobody has requested"):
        check_split(nobody, nobody, 0.5)
    for share2 in (0.0, 1.0, -0.5):
        with pytest.raises(ValueError, match="between 0 and 1"):
            check_split(users, users, share2)


def test_an_arm_that_nobody_reached_is_a_broken_split() -> None:
    assert check_split(_one_request_each(200), _one_request_each(0), 0.5).broken(AlwaysValid())
