"""How often the verdict on an experiment is wrong or right: `python -m benchmarks.calibrate_experiments`.

Prints the tables of docs/experiments.md, which says what they mean.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import nan

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from benchmarks.experiment_bank import HOURS, Model, bank, experiment, lossy, moments
from ml.experiment.inference import METRICS, Metric, compare
from ml.experiment.moments import COLUMNS, Array, Moments
from ml.experiment.planning import ALPHA, users_for
from ml.experiment.sample_ratio import check_split
from ml.experiment.sequential import AlwaysValid, Monitoring, Planned
from ml.experiment.verdict import Estimated, Outcome, Verdict, judge
from ml.statistical_testing import t_test
from movielog.audience.invented import invented

OLD = Model(appeal=0.8)
FOLLOWED = Model(appeal=0.9)
PLEASING = Model(appeal=0.8, delight=0.15)
LOST = 0.08
SPLIT_COLUMNS = ("users", "requests", "before_requests")
SPLIT_SIZES = (5_000, 10_000, 20_000)
EXPECTED = {"record_accuracy": 0.05, "recommendation_accuracy": 0.05}
"""Effects that the always-valid test is tuned to in the A/A experiments; 0.15 stars for the others."""
TUNED = [replace(metric, effect=EXPECTED.get(metric.key, 0.15)) for metric in METRICS]
DIFFERENT = {Outcome.OLD, Outcome.NEW, Outcome.MIXED}

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Banks:
    """Values (HOURS, users, COLUMNS) before each model."""

    old: Array
    followed: Array
    pleasing: Array

    @classmethod
    def fill(cls, users: int, rng: Generator) -> "Banks":
        """Of an invented audience of so many users."""
        audience = invented(users, 800, seed=int(rng.integers(2**32)))
        return cls(*bank(audience, OLD, [OLD, FOLLOWED, PLEASING], rng))


@dataclass(frozen=True)
class AA:
    """Whether equal arms were said to differ: `once` (experiments, metrics and the verdict on all);

    by looks (experiments, HOURS), the verdict with each way of looking; `snapshot` (experiments, metrics).
    """

    once: Flags
    looks: Mapping[str, Flags]
    snapshot: Flags


@dataclass(frozen=True)
class AB:
    """A metric at the size planned for its true `effect`.

    Share of experiments that found it, and of 95% intervals that covered the truth, metric by metric.
    """

    metric: Metric
    effect: float
    users: int
    found: float
    covered: Sequence[float]


def said(verdict: Verdict) -> bool:
    """Whether any metric was said to differ."""
    return verdict.outcome in DIFFERENT


def looked_once(old: Array, users: int, experiments: int, rng: Generator) -> Flags:
    """(experiments, metrics + 1): each metric by itself at ALPHA, and the verdict."""
    return np.array([_once(*next(experiment(old[-1:], old[-1:], users, rng))) for _ in range(experiments)])


def _once(old: Moments, new: Moments) -> list[bool]:
    verdict = judge(old, new, Planned())
    single = [isinstance(each, Estimated) and each.p <= ALPHA for each in verdict.findings]
    return [*single, said(verdict)]


def ways_of_looking(look: int) -> Mapping[str, Monitoring]:
    """By name, at one of HOURS looks."""
    return {"uncorrected": Planned(), "planned": Planned(look, HOURS), "always valid": AlwaysValid()}


def looked_hourly(
    old: Array, users: int, experiments: int, rng: Generator
) -> tuple[Mapping[str, Flags], Flags]:
    """The `looks` and the `snapshot` of AA."""
    looks = {name: np.zeros((experiments, HOURS), dtype=bool) for name in ways_of_looking(1)}
    snapshot = np.zeros((experiments, len(METRICS)), dtype=bool)
    for number in range(experiments):
        hours = list(experiment(old, old, users, rng))
        for hour, arms in enumerate(hours):
            for name, monitoring in ways_of_looking(hour + 1).items():
                looks[name][number, hour] = said(judge(*arms, monitoring, metrics=TUNED))
        snapshot[number] = [_snapshot_differs(metric, hours) for metric in METRICS]
    return looks, snapshot


def _snapshot_differs(metric: Metric, hours: Sequence[tuple[Moments, Moments]]) -> bool:
    values = np.array([[_value(metric, arm) for arm in arms] for arms in hours])
    old, new = values[~np.isnan(values).any(axis=1)].T
    return t_test(old.tolist(), new.tolist()).p < ALPHA


def _value(metric: Metric, arm: Moments) -> float:
    below = arm.sum(metric.denominator)
    return arm.sum(metric.numerator) / below if below else nan


def equal_arms(banks: Banks, users: int, experiments: int, rng: Generator) -> AA:
    """A/A experiments before the old model."""
    once = looked_once(banks.old, users, experiments, rng)
    return AA(once, *looked_hourly(banks.old, users, experiments, rng))


def better_arm(metric: Metric, banks: tuple[Array, Array], experiments: int, rng: Generator) -> AB:
    """A/B experiments between two banks, of the size planned for the true difference in `metric`."""
    last = banks[0][-1:], banks[1][-1:]
    whole = [moments(values[0]) for values in last]
    truths = [_value(each, whole[0]) - _value(each, whole[1]) for each in METRICS]
    at = METRICS.index(metric)
    planned = users_for(metric, truths[at], whole[0], 0.5, Planned(HOURS, HOURS))
    drawn = round(planned * last[0].shape[1] / whole[0].n)
    right = Outcome.OLD if truths[at] > 0 else Outcome.NEW
    found, covered = np.zeros(experiments), np.zeros((experiments, len(METRICS)))
    for number in range(experiments):
        arms = next(experiment(*last, drawn, rng))
        found[number] = judge(*arms, Planned(HOURS, HOURS)).findings[at].outcome is right
        intervals = [compare(each, *arms).interval(ALPHA) for each in METRICS]
        covered[number] = [low <= truth <= high for (low, high), truth in zip(intervals, truths, strict=True)]
    return AB(metric, truths[at], planned, float(found.mean()), covered.mean(axis=0).tolist())


def better_arms(banks: Banks, experiments: int, rng: Generator) -> list[AB]:
    """The accuracies before a model that is followed more, the ratings before one that pleases more."""
    models = (banks.followed, banks.followed, banks.pleasing, banks.pleasing)
    return [
        better_arm(metric, (banks.old, new), experiments, rng)
        for metric, new in zip(METRICS, models, strict=True)
    ]


def splits(banks: Banks, experiments: int, rng: Generator) -> Mapping[int, Sequence[float]]:
    """By requesting users: share of experiments whose split is reported as broken.

    In equal arms, with a better arm, with LOST of arm 2's requests lost, and the same with users of whom
    nothing was known before. The sizes are SPLIT_SIZES and the one planned for METRICS' own effects.
    """
    whole = moments(banks.old[-1])
    planned = max(users_for(each, each.effect, whole, 0.5, Planned(HOURS, HOURS)) for each in METRICS)
    at = [COLUMNS.index(name) for name in SPLIT_COLUMNS]
    old, new, broken = (
        bank[-1:, :, at] for bank in (banks.old, banks.followed, lossy(banks.followed, LOST, rng))
    )
    cases = [(old, old), (old, new), (old, broken), (old * (1, 1, 0), broken * (1, 1, 0))]
    came = whole.n / old.shape[1]
    return {
        users: [_reported(*arms, round(users / came), experiments, rng) for arms in cases]
        for users in (*SPLIT_SIZES, planned)
    }


def _reported(old: Array, new: Array, drawn: int, experiments: int, rng: Generator) -> float:
    seen = (next(experiment(old, new, drawn, rng, SPLIT_COLUMNS)) for _ in range(experiments))
    return float(np.mean([check_split(*arms, 0.5).broken(Planned(HOURS, HOURS)) for arms in seen]))


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    for row in (head, ["---"] * len(head), *rows):
        print(f"| {' | '.join(row)} |")
    print()


def print_equal(result: AA) -> None:
    """Tables and chart of the A/A experiments."""
    titles = [metric.title for metric in METRICS]
    snapshot = [*result.snapshot.mean(axis=0), result.snapshot.any(axis=1).mean()]
    rows = [
        ("user as unit, looked at once", result.once.mean(axis=0)),
        ("hourly snapshots, t-test", snapshot),
    ]
    _table(["", *titles, "any"], [[name, *(f"{share:.1%}" for share in shares)] for name, shares in rows])
    ever = {
        name: np.logical_or.accumulate(flags, axis=1).mean(axis=0) for name, flags in result.looks.items()
    }
    _table(["looked at every hour", "verdict wrong"], [[name, f"{by[-1]:.1%}"] for name, by in ever.items()])
    for name, by_hour in ever.items():
        print(f"    line [{', '.join(f'{share:.1%}'.rstrip('%') for share in by_hour)}]  {name}")
    print()


def print_better(results: Sequence[AB]) -> None:
    """Table of the A/B experiments."""
    _table(
        [
            "metric",
            "true difference",
            "users planned",
            "found",
            "covered by the 95% intervals of the metrics",
        ],
        [
            [
                each.metric.title,
                f"{each.effect:+.4f}",
                f"{each.users:,}",
                f"{each.found:.1%}",
                ", ".join(f"{share:.1%}" for share in each.covered),
            ]
            for each in results
        ],
    )


def print_splits(shares: Mapping[int, Sequence[float]]) -> None:
    """Table of the splits."""
    lost = f"{LOST:.0%} of arm 2's requests lost"
    head = ["users", "equal arms", "a better arm", lost, f"{lost}, nothing known before"]
    _table(head, [[f"{users:,}", *(f"{share:.1%}" for share in row)] for users, row in shares.items()])


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="False and true verdicts of simulated experiments.")
    parser.add_argument(
        "--experiments", type=int, default=3000, help="A/A experiments; half as many A/B ones"
    )
    parser.add_argument("--users", type=int, default=3000, help="in an A/A experiment")
    parser.add_argument("--bank", type=int, default=30_000, help="users whose behaviour is drawn from")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(argv)
    rng = np.random.default_rng(given.seed)
    banks = Banks.fill(given.bank, rng)
    print_equal(equal_arms(banks, given.users, given.experiments, rng))
    print_better(better_arms(banks, given.experiments // 2, rng))
    print_splits(splits(banks, given.experiments // 2, rng))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
