"""Does a model pass? The reasons why not, from what was measured."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

from ml.gate.bar import Bar
from ml.gate.contest import MODEL, POPULARITY, RECIPE, SERVING, Contest

Array = np.ndarray[Any, Any]


OVER_POPULARITY, ITSELF, OVER_SERVING = (
    "over_popularity",
    "itself_over_popularity",
    "over_serving_less_margin",
)
"""Figures: by how much recall@20 of recipe, model and recipe is higher than asked for."""


class Interval(NamedTuple):
    """A mean and the ends of its confidence interval."""

    mean: float
    low: float
    high: float


class Verdict(NamedTuple):
    """Why a model may not serve, a sentence each, empty where it may; and what was measured, by name."""

    reasons: tuple[str, ...]
    figures: Mapping[str, float]


def mean_of(each: Array, bar: Bar) -> Interval:
    """The mean of a number per user, at least two; a percentile bootstrap over users.

    B. Efron, R. Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.
    """
    found = stats.bootstrap(
        (each,),
        np.mean,
        n_resamples=bar.resamples,
        batch=200,
        confidence_level=bar.confidence,
        method="percentile",
        rng=np.random.default_rng(bar.seed),
    ).confidence_interval
    return Interval(float(each.mean()), float(found.low), float(found.high))


def judge(contest: Contest, bar: Bar) -> Verdict:
    """The verdict on a contest."""
    users = len(contest[RECIPE])
    if users < max(2, bar.fewest_users):
        few = (
            f"only {users} users of the newest day were there before: {bar.fewest_users} are needed to judge"
        )
        return Verdict((few,), {"users": users})
    gains = _gains(contest, bar)
    return Verdict(tuple(_reasons(gains, bar)), _figures(contest, gains))


def _gains(contest: Contest, bar: Bar) -> Mapping[str, Interval]:
    """How much higher recall@20 is than what is asked for, over the same users."""
    recall = {name: each[:, 0] for name, each in contest.items()}
    gains = {
        OVER_POPULARITY: recall[RECIPE] - recall[POPULARITY],
        ITSELF: recall[MODEL] - recall[POPULARITY],
    }
    if SERVING in recall:
        gains[OVER_SERVING] = recall[RECIPE] - (1 - bar.margin) * recall[SERVING]
    return {name: mean_of(gain, bar) for name, gain in gains.items()}


def _reasons(gains: Mapping[str, Interval], bar: Bar) -> list[str]:
    asked = {
        OVER_POPULARITY: "trained without what it is to foretell it does not surely beat popularity",
        ITSELF: "it does not surely beat popularity on the newest day, though it has seen it",
        OVER_SERVING: f"it may be more than {bar.margin:.0%} worse than the serving model",
    }
    return [
        f"{reason}: recall@20 is {_told(gains[name], bar)} above that"
        for name, reason in asked.items()
        if name in gains and gains[name].low <= 0
    ]


def _told(gain: Interval, bar: Bar) -> str:
    return f"{gain.mean:+.4f} ({bar.confidence:.0%} interval {gain.low:+.4f} to {gain.high:+.4f})"


def _figures(contest: Contest, gains: Mapping[str, Interval]) -> Mapping[str, float]:
    figures: dict[str, float] = {"users": len(contest[RECIPE])}
    for name, each in contest.items():
        recall, ndcg = each.mean(axis=0).tolist()
        figures |= {f"recall_{name}": recall, f"ndcg_{name}": ndcg}
    for name, gain in gains.items():
        figures |= {name: gain.mean, f"{name}_low": gain.low, f"{name}_high": gain.high}
    return figures
