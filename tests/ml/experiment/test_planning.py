import numpy as np
import pytest

from ml.experiment.inference import METRICS, NotEnoughDataError, compare
from ml.experiment.moments import COLUMNS, Moments, user_values
from ml.experiment.planning import ALPHA, POWER, days_for, detectable, users_for, users_still_needed
from ml.experiment.sequential import AlwaysValid, Evidence, Planned
from tests.ml.experiment.people import people

RECORD, RECOMMENDATION, *_ = METRICS


def _followers(users: int, share: float) -> Moments:
    values = np.zeros((users, len(COLUMNS)))
    values[:, 0] = 1
    values[: round(users * share), COLUMNS.index("followers")] = 1
    return Moments.of(values)


@pytest.mark.parametrize(("share2", "rule"), [(0.5, Planned()), (0.2, Planned(5, 5)), (0.5, AlwaysValid())])
def test_so_many_users_find_the_effect_with_the_promised_power(
    share2: float, rule: Planned | AlwaysValid
) -> None:
    users = users_for(RECOMMENDATION, 0.03, _followers(10_000, 0.2), share2, rule)
    second = round(users * share2)
    rng = np.random.default_rng(1)
    found = 0
    for old, new in zip(rng.binomial(users - second, 0.2, 800), rng.binomial(second, 0.23, 800), strict=True):
        arms = _followers(users - second, old / (users - second)), _followers(second, new / second)
        found += rule.p(Evidence.of(compare(RECOMMENDATION, *arms), 0.03)) <= ALPHA / len(METRICS)
    assert found / 800 == pytest.approx(POWER, abs=0.045)


def test_a_known_history_saves_users() -> None:
    rng = np.random.default_rng(2)
    rows = people(rng, 3000)
    before = rows.droplevel("arm")
    strangers, known = Moments.of(user_values(rows)), Moments.of(user_values(rows, before))
    needed = [users_for(RECORD, 0.01, seen, 0.5, Planned()) for seen in (strangers, known)]
    assert needed[1] < needed[0] / 2


def test_smaller_effects_and_more_looks_and_lopsided_splits_need_more_users() -> None:
    seen = _followers(5000, 0.3)
    base = users_for(RECOMMENDATION, 0.02, seen, 0.5, Planned())
    assert users_for(RECOMMENDATION, -0.01, seen, 0.5, Planned()) == pytest.approx(4 * base, rel=1e-3)
    assert base < users_for(RECOMMENDATION, 0.02, seen, 0.5, Planned(1, 14)) < 1.05 * base
    assert users_for(RECOMMENDATION, 0.02, seen, 0.1, Planned()) == pytest.approx(base / 0.36, rel=1e-3)


def test_what_is_still_needed_and_what_is_there_make_the_plan() -> None:
    arm = _followers(1000, 0.3)
    difference = compare(RECOMMENDATION, arm, arm)
    planned = users_for(RECOMMENDATION, 0.01, arm, 0.5, Planned(1, 5))
    assert users_still_needed(difference, 0.01, Planned(1, 5)) + 2000 == pytest.approx(planned, abs=1)
    assert users_still_needed(difference, detectable(difference, Planned()) * 1.01, Planned()) == 0


def test_no_plan_is_made_for_no_effect_or_from_hardly_anybody() -> None:
    with pytest.raises(ValueError, match="effect of 0"):
        users_for(RECORD, 0.0, _followers(500, 0.2), 0.5, Planned())
    with pytest.raises(NotEnoughDataError):
        users_for(RECOMMENDATION, 0.1, _followers(20, 0.2), 0.5, Planned())


@pytest.mark.parametrize(
    ("users", "seen", "days"),
    [
        (90, [100, 150], 1),
        (100, [100, 150], 1),
        (101, [100, 150], 2),
        (151, [100, 150], 3),
        (400, [100, 150], 7),
        (250, [100], 3),
    ],
)
def test_days_are_those_seen_and_then_the_last_days_pace(users: int, seen: list[int], days: int) -> None:
    assert days_for(users, seen) == days


@pytest.mark.parametrize("seen", [[], [100, 100]])
def test_without_new_users_nobody_knows_when_there_will_be_enough(seen: list[int]) -> None:
    with pytest.raises(NotEnoughDataError, match="no new users"):
        days_for(200, seen)
