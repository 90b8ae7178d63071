"""The t-test on the hourly results of an experiment: `python ml/statistical_testing.py RESULTS.json`.

Kept as it was first done. The verdict to act on is `ml.experiment.verdict.judge`.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from scipy import stats

METRICS = ("record_accuracy", "recommendation_accuracy", "average_rating", "average_top_rating")
ALPHA = 0.05
LARGEST = 1e100
"""Values from here on would overflow when squared."""
CAUTION = (
    "This t-test is not the verdict to act on. It takes the hourly figures for independent measurements,\n"
    "but each is made of the users of the one before and a few more: two equal arms then seem to differ\n"
    "far more often than in 5 of 100 experiments. The unit of the verdict is the user."
)

Samples = Mapping[str, Sequence[float]]
"""Hourly values under `old` and `new`."""


class ResultsError(ValueError):
    """What is wrong with the results, in one sentence."""


@dataclass(frozen=True)
class TTest:
    """Student's two-sample t-test with equal variances; p one-sided, small where old is better than new."""

    old: tuple[float, ...]
    new: tuple[float, ...]
    t: float
    p: float


def t_test(old: Sequence[float], new: Sequence[float]) -> TTest:
    """Of two lists of at least two values each; ResultsError where no t can be computed."""
    if min(len(old), len(new)) < 2:
        raise ResultsError(f"{len(old)} old and {len(new)} new values: each needs at least 2")
    if len(set(old)) == len(set(new)) == 1:
        raise ResultsError("neither the old nor the new values vary, so that there is no t")
    result = stats.ttest_ind(old, new, equal_var=True, alternative="greater")
    return TTest(tuple(old), tuple(new), float(result.statistic), float(result.pvalue))


def read_results(path: Path) -> Mapping[str, Samples]:
    """Values of METRICS from `{"record_accuracy": {"old": [...], "new": [...]}, ...}`; ResultsError."""
    try:
        results = json.loads(path.read_bytes(), parse_int=float)
    except OSError as error:
        raise ResultsError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise ResultsError(f"{path} is not JSON: {error}") from None
    return {metric: _samples(metric, _member(str(path), results, metric)) for metric in METRICS}


def _samples(metric: str, both: Any) -> Samples:
    samples = {arm: _numbers(f"{metric}, {arm}", _member(metric, both, arm)) for arm in ("old", "new")}
    if len(samples["old"]) != len(samples["new"]):
        raise ResultsError(f"{metric} has {len(samples['old'])} old and {len(samples['new'])} new values")
    return samples


def _member(where: str, results: Any, key: str) -> Any:
    if not isinstance(results, dict):
        raise ResultsError(f"{where} is not a JSON object")
    if key not in results:
        raise ResultsError(f"{where} has no {key!r}")
    return results[key]


def _numbers(where: str, values: Any) -> Sequence[float]:
    if not isinstance(values, list):
        raise ResultsError(f"{where} is not a list")
    for value in values:
        if not isinstance(value, float) or not abs(value) < LARGEST:
            raise ResultsError(f"{where} holds {value!r}, which is no number to compute with")
    return values


def report(metric: str, test: TTest) -> str:
    """Data, means, t, p and the verdict in words, on several lines."""
    sign = "old is better than new" if test.p < ALPHA else "no sign that old is better than new"
    return "\n".join(
        (
            metric,
            f"  old   {' '.join(f'{value:.4f}' for value in test.old)}",
            f"  new   {' '.join(f'{value:.4f}' for value in test.new)}",
            f"  mean  old {fmean(test.old):.10f}, new {fmean(test.new):.10f}",
            f"  t     {test.t:.10f}",
            f"  p     {test.p:.10f}" if test.p >= 1e-4 else f"  p     {test.p:.10e}",
            f"  At {ALPHA:.0%}: {sign}.",
        )
    )


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="One-sided t-tests, old better than new, on hourly results.")
    parser.add_argument("results", type=Path, metavar="RESULTS.json", help="what ml/ABtesting.py writes")
    path = parser.parse_args(argv).results
    try:
        for metric, samples in read_results(path).items():
            print(report(metric, _tested(metric, samples)), end="\n\n")
    except ResultsError as error:
        print(f"statistical_testing: {error}", file=sys.stderr)
        return 2
    print(CAUTION)
    return 0


def _tested(metric: str, samples: Samples) -> TTest:
    try:
        return t_test(samples["old"], samples["new"])
    except ResultsError as error:
        raise ResultsError(f"{metric}: {error}") from None


if __name__ == "__main__":
    raise SystemExit(main())
