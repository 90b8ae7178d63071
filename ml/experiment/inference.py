"""The difference between the arms in one metric, with the user as the unit.

Every metric is a ratio of sums over users. The number of users as denominator makes it a mean; of zeros and
ones, a proportion; and the same formulas then give Welch's test and the difference of proportions.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from ml.experiment.moments import BEFORE, Array, Moments

FEWEST_USERS = 30
"""Effective users in each arm below which the normal approximation is not relied upon."""
_RANK_TOLERANCE = 1e-9


class NotEnoughDataError(ValueError):
    """Why a statistic cannot be computed from what there is, in one sentence."""


@dataclass(frozen=True)
class Metric:
    """`numerator` and `denominator` are columns of the moments.

    `effect` is the smallest difference that matters, in the metric's own unit.
    """

    key: str
    title: str
    numerator: str
    denominator: str
    effect: float


METRICS = (
    Metric("record_accuracy", "record accuracy", "recommended_and_watched", "watched", 0.01),
    Metric("recommendation_accuracy", "recommendation accuracy", "followers", "users", 0.01),
    Metric("average_rating", "average rating", "rating_sum", "rating_count", 0.05),
    Metric("average_top_rating", "average top rating", "top_rating_sum", "top_rating_count", 0.05),
)


@dataclass(frozen=True)
class ArmEstimate:
    """A metric in one arm: its value, standard error, users, and effective users.

    Effective users are (sum d)^2 / sum d^2 over the users' denominators d (L. Kish, Survey Sampling, 1965):
    users who watched or rated nothing count nothing, and one who rated everything counts little more than
    one.
    """

    value: float
    error: float
    users: int
    effective: float


@dataclass(frozen=True)
class Difference:
    """Old minus new, so that a positive one speaks for old.

    `error` is the standard error, `freedom` the degrees of freedom. `reduction` is the share of the variance
    that the users' behaviour before the experiment has taken away, 0 where there is none.
    """

    estimate: float
    error: float
    freedom: float
    reduction: float
    old: ArmEstimate
    new: ArmEstimate

    @property
    def n(self) -> int:
        """Users of both arms."""
        return self.old.users + self.new.users

    @property
    def t(self) -> float:
        """The estimate in standard errors."""
        return self.estimate / self.error

    @property
    def p(self) -> float:
        """Two-sided, for one look at the data."""
        return float(2 * special.stdtr(self.freedom, -abs(self.t)))

    def interval(self, alpha: float) -> tuple[float, float]:
        """Two-sided interval of confidence 1 - `alpha`, for one look at the data."""
        half = -float(special.stdtrit(self.freedom, alpha / 2)) * self.error
        return self.estimate - half, self.estimate + half


def compare(metric: Metric, old: Moments, new: Moments) -> Difference:
    """The difference in a metric, adjusted by the users' behaviour before the experiment where it is known.

    NotEnoughDataError, which leaves the metric to be named by whoever tells it, where an arm has fewer than
    FEWEST_USERS effective users, or nothing varies.
    """
    arms = arm_estimate(metric, old), arm_estimate(metric, new)
    shift, explained = _adjustment(metric, old, new)
    plain = arms[0].error ** 2 + arms[1].error ** 2
    variance = plain - explained
    if variance <= 0:
        raise NotEnoughDataError("all users are alike, so that nothing can be said of chance")
    return Difference(
        estimate=arms[0].value - arms[1].value - shift,
        error=variance**0.5,
        freedom=_freedom(*arms),
        reduction=explained / plain,
        old=arms[0],
        new=arms[1],
    )


def arm_estimate(metric: Metric, arm: Moments) -> ArmEstimate:
    """The metric in one arm by the delta method; NotEnoughDataError as in `compare`.

    With numerators y, denominators d and R = sum y / sum d, Var R = n / (n - 1) * sum (y - R d)^2 / (sum
    d)^2: A. Deng, U. Knoblich, J. Lu, Applying the Delta Method in Metric Analytics, KDD 2018, equation 3,
    where the three terms are the expanded square. n is the number of effective users.
    """
    y, d = metric.numerator, metric.denominator
    effective = _effective_users(metric, arm)
    value = arm.sum(y) / arm.sum(d)
    squares = arm.product(y, y) - 2 * value * arm.product(y, d) + value**2 * arm.product(d, d)
    variance = max(squares, 0.0) / arm.sum(d) ** 2 * effective / (effective - 1)
    return ArmEstimate(value, variance**0.5, arm.n, effective)


def _effective_users(metric: Metric, arm: Moments) -> float:
    squares = arm.product(metric.denominator, metric.denominator)
    effective = arm.sum(metric.denominator) ** 2 / squares if squares else 0.0
    if effective < FEWEST_USERS:
        raise NotEnoughDataError(
            f"an arm has data of {effective:.0f} users where {FEWEST_USERS} are the fewest"
        )
    return effective


def _freedom(old: ArmEstimate, new: ArmEstimate) -> float:
    """Welch and Satterthwaite's degrees of freedom (B. L. Welch, Biometrika 34, 1947), in effective users."""
    parts = [(arm.error**2, arm.effective) for arm in (old, new)]
    below = sum(variance**2 / (n - 1) for variance, n in parts)
    return sum(variance for variance, _ in parts) ** 2 / below if below else 1.0


def _adjustment(metric: Metric, old: Moments, new: Moments) -> tuple[float, float]:
    """What CUPED takes from the difference and from its variance.

    A. Deng, Y. Xu, R. Kohavi, T. Walker, Improving the Sensitivity of Online Controlled Experiments by
    Utilizing Pre-Experiment Data, WSDM 2013, section 3, on the linearised metric (y - R d) / mean d (their
    appendix B). The covariates x are the same numerator and denominator before the experiment; theta
    minimises the variance of the difference: (sum of Cov(x, x) / n over arms)^-1 (sum of Cov(x, metric) / n
    over arms).
    """
    (xx_old, xm_old, mean_old), (xx_new, xm_new, mean_new) = (_covariates(metric, arm) for arm in (old, new))
    theta = solve(xx_old + xx_new, xm_old + xm_new)
    return float(theta @ (mean_old - mean_new)), float(theta @ (xm_old + xm_new))


def _covariates(metric: Metric, arm: Moments) -> tuple[Array, Array, Array]:
    """Covariances of the covariates' means, (2, 2), and with the metric, (2,), and the means, (2,)."""
    y, d = metric.numerator, metric.denominator
    part = arm.take([BEFORE + y, BEFORE + d, y, d])
    covariance = part.scatter() / (part.n - 1) / part.n
    per_user = part.sums / part.n
    linear = np.array([1, -part.sums[2] / part.sums[3]]) / per_user[3]
    return covariance[:2, :2], covariance[:2, 2:] @ linear, per_user[:2]


def solve(matrix: Array, vector: Array) -> Array:
    """The x of least length with `matrix` x = `vector`, for a covariance matrix that may be singular."""
    scale = np.sqrt(np.where(np.diag(matrix) > 0, np.diag(matrix), 1.0))
    inverse = np.linalg.pinv(matrix / np.outer(scale, scale), rtol=_RANK_TOLERANCE, hermitian=True)
    return np.asarray(inverse @ (vector / scale) / scale)


def rank(matrix: Array) -> int:
    """Rank of a covariance matrix, by the same tolerance as `solve`."""
    scale = np.sqrt(np.where(np.diag(matrix) > 0, np.diag(matrix), 1.0))
    return int(np.linalg.matrix_rank(matrix / np.outer(scale, scale), rtol=_RANK_TOLERANCE, hermitian=True))


def holm(p_values: Sequence[float]) -> list[float]:
    """p values adjusted for their number, in the same order.

    S. Holm, A Simple Sequentially Rejective Multiple Test Procedure, Scandinavian Journal of Statistics 6,
    1979: the chance of any wrong rejection is at most the level, whatever the dependence.
    """
    order = np.argsort(p_values, kind="stable")
    ordered = np.asarray(p_values, dtype=np.float64)[order]
    adjusted = np.maximum.accumulate(ordered * np.arange(len(ordered), 0, -1))
    result = np.empty(len(ordered))
    result[order] = np.minimum(adjusted, 1.0)
    return [float(p) for p in result]
