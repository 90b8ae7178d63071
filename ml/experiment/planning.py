"""How many users an experiment needs, how long that takes, and how small a difference it can find."""

from collections.abc import Sequence
from math import ceil

from ml.experiment.inference import METRICS, Difference, Metric, NotEnoughDataError, compare
from ml.experiment.moments import Moments
from ml.experiment.sequential import Monitoring

ALPHA = 0.05
"""Chance of a wrong verdict, over all metrics and all looks."""
POWER = 0.8
"""Chance of finding a difference of the planned size."""


def users_for(metric: Metric, effect: float, seen: Moments, share2: float, monitoring: Monitoring) -> int:
    """Users of both arms together who find a difference of `effect` with chance POWER.

    `seen` are users over as long a time as the experiment will last, best with what they did before, `share2`
    is the share of users in arm 2. (z_alpha + z_power)^2 variance / effect^2 (J. Cohen, Statistical Power
    Analysis, 1988), the variance as in `compare`, alpha that of the first of Holm's steps at the last look.
    NotEnoughDataError where `seen` is too small, ValueError for an effect of 0.
    """
    if effect == 0:
        raise ValueError("no number of users finds an effect of 0")
    per_user = compare(metric, seen, seen).error ** 2 * seen.n / 2
    return ceil(per_user * (1 / share2 + 1 / (1 - share2)) * (_reach(monitoring) / effect) ** 2)


def users_still_needed(difference: Difference, effect: float, monitoring: Monitoring) -> int:
    """Users of both arms to be added to find a difference of `effect` with chance POWER; at least 0."""
    return max(0, ceil(difference.n * (detectable(difference, monitoring) / effect) ** 2) - difference.n)


def detectable(difference: Difference, monitoring: Monitoring) -> float:
    """The smallest difference that this many users find with chance POWER when the last look has come."""
    return _reach(monitoring) * difference.error


def _reach(monitoring: Monitoring) -> float:
    return monitoring.reach(ALPHA / len(METRICS), POWER)


def days_for(users: int, seen: Sequence[int]) -> int:
    """Days until so many different users have come; `seen` are their cumulative numbers after 1, 2, ... days.

    Beyond the days seen the last day's new users are taken to come every day. NotEnoughDataError where none
    came.
    """
    for day, reached in enumerate(seen, start=1):
        if reached >= users:
            return day
    fresh = seen[-1] - (seen[-2] if len(seen) > 1 else 0) if seen else 0
    if fresh <= 0:
        raise NotEnoughDataError("no new users came on the last day, so that nobody knows when more will")
    return len(seen) + ceil((users - seen[-1]) / fresh)
