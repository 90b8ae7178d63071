"""What one may say of old and new, from the moments of both arms."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from ml.experiment.inference import METRICS, Difference, Metric, NotEnoughDataError, compare, holm
from ml.experiment.moments import Moments
from ml.experiment.planning import ALPHA, detectable, users_still_needed
from ml.experiment.sample_ratio import SplitCheck
from ml.experiment.sequential import Evidence, Monitoring


class Outcome(StrEnum):
    """What holds of a metric, or of the experiment as a whole."""

    OLD = "old is better"
    NEW = "new is better"
    SAME = "no difference larger than x"
    OPEN = "not enough data yet"
    MIXED = "each is better in something"
    BROKEN = "no verdict, the split is broken"


@dataclass(frozen=True)
class Estimated:
    """A metric's difference, old minus new, and an interval that covers it at all looks with 95% confidence.

    `p` is valid over all looks, `adjusted_p` over all metrics as well. `detectable` is the smallest
    difference found with 80% power at the present size, `users_needed` are those still missing for
    `metric.effect`.
    """

    metric: Metric
    outcome: Outcome
    difference: Difference
    interval: tuple[float, float]
    p: float
    adjusted_p: float
    detectable: float
    users_needed: int

    def __str__(self) -> str:
        low, high = self.interval
        return (
            f"{self.metric.title}: {self._claim()}; old minus new {self.difference.estimate:+.4f}, "
            f"95% interval {low:+.4f} to {high:+.4f}, p {self.adjusted_p:.2g}"
        )

    def _claim(self) -> str:
        if self.outcome is Outcome.SAME:
            return f"no difference larger than {self.metric.effect:g}"
        if self.outcome is Outcome.OPEN:
            return f"{self.outcome} ({self._missing()})"
        return str(self.outcome)

    def _missing(self) -> str:
        if self.users_needed:
            return f"{self.users_needed:,} more users would show a difference of {self.metric.effect:g}"
        return (
            f"a difference of {self.metric.effect:g} would probably show, but none is not yet certain either"
        )


@dataclass(frozen=True)
class NotEstimated:
    """A metric of which nothing can be computed yet, and why."""

    metric: Metric
    reason: str
    outcome: Outcome = Outcome.OPEN

    def __str__(self) -> str:
        return f"{self.metric.title}: {self.outcome} ({self.reason})"


Finding = Estimated | NotEstimated


@dataclass(frozen=True)
class Verdict:
    """The outcome of the whole, a finding per metric, and the check of the split where there was one."""

    outcome: Outcome
    findings: Sequence[Finding]
    split: SplitCheck | None

    def __str__(self) -> str:
        if self.outcome is Outcome.SAME:
            limits = [f"{each.metric.effect:g} in {each.metric.title}" for each in self.findings]
            return f"no difference larger than {_listed(limits)}"
        sides = [side for side in (Outcome.OLD, Outcome.NEW) if self.outcome in (side, Outcome.MIXED)]
        return "; ".join(f"{side} in {_listed(self._titles(side))}" for side in sides) or str(self.outcome)

    def _titles(self, side: Outcome) -> list[str]:
        return [each.metric.title for each in self.findings if each.outcome is side]


def _listed(things: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    *first, last = things or ("",)
    return f"{', '.join(first)} and {last}" if first else last


def judge(
    old: Moments,
    new: Moments,
    monitoring: Monitoring,
    split: SplitCheck | None = None,
    metrics: Sequence[Metric] = METRICS,
) -> Verdict:
    """The verdict at this look.

    In two equal arms any metric is said to differ, at any look, with a chance of at most ALPHA (Holm over the
    metrics). "No difference larger than x" is said where the metric's interval lies within x: for one of x or
    more it is wrong with a chance of at most ALPHA / 2 per metric. With a broken split there is no verdict.
    """
    compared = [_compared(metric, old, new) for metric in metrics]
    p_values = [_p(each, metric, monitoring) for each, metric in zip(compared, metrics, strict=True)]
    rows = zip(metrics, compared, p_values, holm(p_values), strict=True)
    findings = [_finding(metric, monitoring, each, p, adjusted) for metric, each, p, adjusted in rows]
    broken = split is not None and split.broken(monitoring)
    return Verdict(Outcome.BROKEN if broken else _overall(findings), findings, split)


def _compared(metric: Metric, old: Moments, new: Moments) -> Difference | NotEnoughDataError:
    try:
        return compare(metric, old, new)
    except NotEnoughDataError as reason:
        return reason


def _p(compared: Difference | NotEnoughDataError, metric: Metric, monitoring: Monitoring) -> float:
    """1 where nothing could be computed: the metric stays in the family."""
    if isinstance(compared, NotEnoughDataError):
        return 1.0
    return monitoring.p(Evidence.of(compared, metric.effect))


def _finding(
    metric: Metric,
    monitoring: Monitoring,
    compared: Difference | NotEnoughDataError,
    p: float,
    adjusted: float,
) -> Finding:
    if isinstance(compared, NotEnoughDataError):
        return NotEstimated(metric, str(compared))
    interval = monitoring.interval(compared, metric.effect, ALPHA)
    return Estimated(
        metric=metric,
        outcome=_outcome(metric, compared, interval, adjusted),
        difference=compared,
        interval=interval,
        p=p,
        adjusted_p=adjusted,
        detectable=detectable(compared, monitoring),
        users_needed=users_still_needed(compared, metric.effect, monitoring),
    )


def _outcome(
    metric: Metric, difference: Difference, interval: tuple[float, float], adjusted_p: float
) -> Outcome:
    if adjusted_p <= ALPHA:
        return Outcome.OLD if difference.estimate > 0 else Outcome.NEW
    if -metric.effect < interval[0] and interval[1] < metric.effect:
        return Outcome.SAME
    return Outcome.OPEN


def _overall(findings: Sequence[Finding]) -> Outcome:
    said = {finding.outcome for finding in findings}
    if {Outcome.OLD, Outcome.NEW} <= said:
        return Outcome.MIXED
    for outcome in (Outcome.OLD, Outcome.NEW, Outcome.OPEN):
        if outcome in said:
            return outcome
    return Outcome.SAME
