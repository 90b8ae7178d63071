"""A small, seeded slice of benchmarks/calibrate_experiments.py; limits are four standard errors wide."""

from math import sqrt

import numpy as np
import pytest

from benchmarks.calibrate_experiments import Banks, better_arm, looked_hourly, looked_once
from ml.experiment.inference import METRICS

RUNS = 300


@pytest.fixture(scope="module")
def banks() -> Banks:
    return Banks.fill(6000, np.random.default_rng(1))


def _slack(share: float, runs: int) -> float:
    return 4 * sqrt(share * (1 - share) / runs)


def test_equal_arms_looked_at_once_differ_in_one_of_twenty_experiments(banks: Banks) -> None:
    wrong = looked_once(banks.old, 2000, 2 * RUNS, np.random.default_rng(2)).mean(axis=0)
    assert np.all(abs(wrong - 0.05) < _slack(0.05, 2 * RUNS))


def test_equal_arms_looked_at_hourly_differ_no_more_often(banks: Banks) -> None:
    looks, snapshot = looked_hourly(banks.old, 2000, 60, np.random.default_rng(3))
    wrong = {name: flags.any(axis=1).mean() for name, flags in looks.items()}
    assert wrong["planned"] < 0.05 + _slack(0.05, 60)
    assert wrong["always valid"] < 0.05 + _slack(0.05, 60)
    assert wrong["uncorrected"] > 0.1
    assert snapshot.any(axis=1).mean() > 0.3


def test_a_better_arm_is_found_as_often_as_planned_and_intervals_cover_the_truth(banks: Banks) -> None:
    result = better_arm(METRICS[0], (banks.old, banks.followed), RUNS, np.random.default_rng(4))
    assert abs(result.found - 0.8) < 0.05 + _slack(0.8, RUNS)
    assert all(abs(share - 0.95) < _slack(0.95, RUNS) for share in result.covered)
