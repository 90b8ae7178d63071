"""P values and intervals that stay true when the results are looked at again and again."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import exp, log, log1p, sqrt
from typing import NamedTuple

from scipy import optimize, special

from ml.experiment.inference import Difference

INTERIM_SHARE = 0.1
"""Part of the level that is spent on all looks before the last."""


class Evidence(NamedTuple):
    """`p`, for one look, of the statistic `chi2` of `freedom` degrees, against no difference at all.

    `information` is the number of times by which the expected effect's square exceeds the statistic's
    variance.
    """

    p: float
    chi2: float
    freedom: int
    information: float

    @classmethod
    def of(cls, difference: Difference, effect: float) -> "Evidence":
        """Of a difference, where one of about `effect` is expected."""
        return cls(difference.p, difference.t**2, 1, (effect / difference.error) ** 2)


class Monitoring(ABC):
    """A rule by which an experiment is looked at. An instance stands for one look."""

    @abstractmethod
    def p(self, evidence: Evidence) -> float:
        """Two-sided p: in equal arms it falls below a level, at any look, with at most that chance."""

    @abstractmethod
    def interval(self, difference: Difference, effect: float, alpha: float) -> tuple[float, float]:
        """Covers the truth at all looks at once with confidence 1 - `alpha`; outside 0 where p < `alpha`."""

    @abstractmethod
    def reach(self, alpha: float, power: float) -> float:
        """Standard errors that a difference must measure to be found with this power at the end."""


@dataclass(frozen=True)
class Planned(Monitoring):
    """Look number `look` of `looks`, the number fixed beforehand; ValueError where it is not one of them.

    The level is split in parts among the looks, INTERIM_SHARE of it evenly among those before the last: few
    stop early, and the last look hardly pays for it, as J. L. Haybittle (British Journal of Radiology 44,
    1971) and R. Peto et al. (British Journal of Cancer 34, 1976) proposed. p times the reciprocal of the part
    is Bonferroni's inequality with weights, which holds whatever the dependence between the looks: the sums
    over users who come back do not have the independent increments that tighter bounds rest upon. The
    intervals are the repeated ones of C. Jennison and B. W. Turnbull (JRSS B 51, 1989, section 2).
    """

    look: int = 1
    looks: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.look <= self.looks:
            raise ValueError(f"look {self.look} is not one of the {self.looks} that were planned")

    @property
    def share(self) -> float:
        """Part of the level that this look may spend."""
        if self.looks == 1:
            return 1.0
        return 1 - INTERIM_SHARE if self.look == self.looks else INTERIM_SHARE / (self.looks - 1)

    def p(self, evidence: Evidence) -> float:
        return min(1.0, evidence.p / self.share)

    def interval(self, difference: Difference, effect: float, alpha: float) -> tuple[float, float]:  # noqa: ARG002
        return difference.interval(alpha * self.share)

    def reach(self, alpha: float, power: float) -> float:
        last = Planned(self.looks, self.looks).share
        return float(special.ndtri(power) - special.ndtri(alpha * last / 2))


@dataclass(frozen=True)
class AlwaysValid(Monitoring):
    """Any look, where nobody knows how many there will be.

    p is the reciprocal of the likelihood ratio of Robbins' normal mixture, as wide as the expected effect:
    with information u and z in standard errors, (1 + u)^(-1/2) exp(u z^2 / (2 (1 + u))). R. Johari, P.
    Koomen, L. Pekelis, D. Walsh, Peeking at A/B Tests, KDD 2017 (closed form of the mSPRT with a normal
    prior), after H. Robbins, Annals of Mathematical Statistics 41, 1970. For many users it holds without
    normal data: I. Waudby-Smith et al., Time-Uniform Central Limit Theory and Asymptotic Confidence
    Sequences, Annals of Statistics 52, 2024, whose interval with n sigma^2 rho^2 = u is the one here.
    """

    def p(self, evidence: Evidence) -> float:
        u = evidence.information
        return min(1.0, exp(evidence.freedom / 2 * log1p(u) - evidence.chi2 * u / (1 + u) / 2))

    def interval(self, difference: Difference, effect: float, alpha: float) -> tuple[float, float]:
        half = difference.error * self._bound((effect / difference.error) ** 2, alpha)
        return difference.estimate - half, difference.estimate + half

    def reach(self, alpha: float, power: float) -> float:
        quantile = float(special.ndtri(power))
        return float(optimize.brentq(lambda size: size - quantile - self._bound(size**2, alpha), 1.0, 100.0))

    def _bound(self, information: float, alpha: float) -> float:
        u = information
        return sqrt((1 + 1 / u) * (log1p(u) - 2 * log(alpha)))
