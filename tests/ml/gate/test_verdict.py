"""What passes and what does not, from figures per user."""

from dataclasses import replace

import numpy as np
import pytest

from ml.gate.contest import MODEL, POPULARITY, RECIPE, SERVING, Contest
from ml.gate.verdict import ITSELF, OVER_POPULARITY, OVER_SERVING, judge, mean_of
from tests.ml.gate.world import BAR

USERS = 400


def _contest(recall: dict[str, float], users: int = USERS, seed: int = 5) -> Contest:
    """Hits and misses with these chances."""
    chance = np.random.default_rng(seed)
    return {name: (chance.random((users, 2)) < share).astype(float) for name, share in recall.items()}


GOOD = {RECIPE: 0.4, MODEL: 0.8, POPULARITY: 0.2, SERVING: 0.4}


def test_a_good_model_passes_and_its_figures_are_means() -> None:
    contest = _contest(GOOD)
    verdict = judge(contest, BAR)
    assert verdict.reasons == ()
    assert verdict.figures["users"] == USERS
    for name, each in contest.items():
        assert verdict.figures[f"recall_{name}"] == pytest.approx(each[:, 0].mean())
        assert verdict.figures[f"ndcg_{name}"] == pytest.approx(each[:, 1].mean())


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({RECIPE: 0.2, SERVING: 0.2}, "does not surely beat popularity: recall@20 is"),
        ({RECIPE: 0.23, SERVING: 0.2}, "does not surely beat popularity"),
        ({MODEL: 0.15}, "on the newest day, though it has seen it"),
        ({SERVING: 0.6}, "more than 30% worse than the serving model"),
        ({SERVING: 0.55}, "more than 30% worse than the serving model"),
    ],
)
def test_what_falls_short_or_may_do_so_is_refused_with_the_interval(
    change: dict[str, float], told: str
) -> None:
    (reason,) = judge(_contest(GOOD | change), BAR).reasons
    assert told in reason
    assert "90% interval" in reason


def test_many_users_settle_what_a_few_leave_open() -> None:
    near = GOOD | {SERVING: 0.5}
    assert judge(_contest(near, users=60), BAR).reasons
    assert not judge(_contest(near, users=20_000), BAR).reasons


def test_the_first_model_of_all_has_only_popularity_to_beat() -> None:
    contest = {name: each for name, each in _contest(GOOD).items() if name != SERVING}
    verdict = judge(contest, BAR)
    assert not verdict.reasons
    assert OVER_SERVING not in verdict.figures
    assert {OVER_POPULARITY, ITSELF, f"{ITSELF}_low"} <= verdict.figures.keys()


@pytest.mark.parametrize("users", [0, 1, 29])
def test_few_users_are_no_verdict(users: int) -> None:
    verdict = judge(_contest(GOOD, users=users), BAR)
    assert verdict.reasons == (
        f"only {users} users of the newest day were there before: 30 are needed to judge",
    )


def test_the_same_contest_has_the_same_verdict() -> None:
    assert judge(_contest(GOOD), BAR) == judge(_contest(GOOD), BAR)


def test_an_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    """300 samples of 80 users with a mean of 0.3; 90% intervals from 200 resamples."""
    chance, bar = np.random.default_rng(11), replace(BAR, resamples=200)
    found = [mean_of((chance.random(80) < 0.3).astype(float), bar) for _ in range(300)]
    assert 0.84 < np.mean([one.low <= 0.3 <= one.high for one in found]) < 0.95


def test_an_interval_is_about_as_wide_as_the_normal_one() -> None:
    each = np.random.default_rng(3).normal(0.1, 1, 2000)
    found = mean_of(each, replace(BAR, resamples=2000))
    assert found.high - found.low == pytest.approx(2 * 1.645 * each.std() / 2000**0.5, rel=0.1)
