import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml.experiment import inference
from ml.statistical_testing import METRICS, ResultsError, main, read_results, t_test

ROOT = Path(__file__).parents[2]
FIGURE_5 = ROOT / "docs" / "examples" / "figure-5.json"
GOOD: dict[str, Any] = {metric: {"old": [0.5, 0.6], "new": [0.3, 0.5]} for metric in METRICS}


@pytest.mark.parametrize(
    ("metric", "t", "p"),
    [
        ("record_accuracy", "13.4103949721", "below 1e-12"),
        ("recommendation_accuracy", "23.0385735", "below 1e-18"),
        ("average_rating", "-0.5017340282", "0.6899615180"),
        ("average_top_rating", "4.1399340330", "0.0001621468"),
    ],
)
def test_the_figures_of_the_first_experiment_come_out_to_the_printed_digits(
    metric: str, t: str, p: str
) -> None:
    samples = read_results(FIGURE_5)[metric]
    test = t_test(samples["old"], samples["new"])
    assert f"{test.t:.{len(t.split('.')[1])}f}" == t
    if p.startswith("below "):
        assert test.p < float(p.removeprefix("below "))
    else:
        assert f"{test.p:.10f}" == p


def test_t_is_the_textbook_formula() -> None:
    rng = np.random.default_rng(0)
    old, new = rng.normal(1, 1, 9), rng.normal(0, 2, 6)
    pooled = (8 * old.var(ddof=1) + 5 * new.var(ddof=1)) / 13
    expected = (old.mean() - new.mean()) / (pooled * (1 / 9 + 1 / 6)) ** 0.5
    assert t_test(old.tolist(), new.tolist()).t == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("command", [["ml/statistical_testing.py"], ["-m", "ml.statistical_testing"]])
def test_it_runs_by_path_and_as_a_module(command: list[str]) -> None:
    ran = subprocess.run(
        [sys.executable, *command, FIGURE_5], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "t     -0.5017340282\n  p     0.6899615180\n" in ran.stdout
    assert ran.stdout.count("old is better than new.") == 4
    assert ran.stdout.count("no sign that old is better than new.") == 1
    assert "not the verdict to act on" in ran.stdout


def _without(metric: str) -> dict[str, Any]:
    return {key: value for key, value in GOOD.items() if key != metric}


@pytest.mark.parametrize(
    ("results", "complaint"),
    [
        (_without("average_rating"), "no 'average_rating'"),
        ([1, 2], "not a JSON object"),
        (GOOD | {"record_accuracy": [0.1, 0.2]}, "record_accuracy is not a JSON object"),
        (GOOD | {"record_accuracy": {"old": [0.1, 0.2]}}, "record_accuracy has no 'new'"),
        (GOOD | {"record_accuracy": {"old": [0.1, 0.2], "new": 3}}, "record_accuracy, new is not a list"),
        (GOOD | {"record_accuracy": {"old": [0.1, 0.2], "new": [0.1]}}, "2 old and 1 new values"),
        (GOOD | {"record_accuracy": {"old": [0.1], "new": [0.1]}}, "each needs at least 2"),
        (GOOD | {"record_accuracy": {"old": [0.1, "x"], "new": [0.1, 0.2]}}, "'x', which is no number"),
        (GOOD | {"record_accuracy": {"old": [0.1, True], "new": [0.1, 0.2]}}, "True, which is no number"),
        (
            GOOD | {"record_accuracy": {"old": [0.1, float("nan")], "new": [0.1, 0.2]}},
            "nan, which is no number",
        ),
        (
            GOOD | {"record_accuracy": {"old": [0.1, 10**400], "new": [0.1, 0.2]}},
            "inf, which is no number",
        ),
        (GOOD | {"record_accuracy": {"old": [0.1, 0.1], "new": [0.2, 0.2]}}, "neither the old nor the new"),
        (
            GOOD | {"record_accuracy": {"old": [1e308, -1e308], "new": [0.2, 0.2]}},
            "1e+308, which is no number",
        ),
    ],
)
def test_wrong_results_are_refused_in_a_sentence(
    results: Any, complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "RESULTS.json"
    path.write_text(json.dumps(results))
    assert main([str(path)]) == 2
    error = capsys.readouterr().err
    assert complaint in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe{}"])
def test_a_file_that_is_not_json_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "RESULTS.json"
    path.write_bytes(content)
    with pytest.raises(ResultsError, match="not"):
        read_results(path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match="No such file"):
        read_results(tmp_path / "nothing.json")


def test_whole_numbers_and_other_keys_are_welcome(tmp_path: Path) -> None:
    path = tmp_path / "RESULTS.json"
    path.write_text(json.dumps(GOOD | {"average_rating": {"old": [4, 3.5], "new": [3, 4]}, "hours": 2}))
    assert main([str(path)]) == 0


def test_the_metrics_are_those_of_the_verdict() -> None:
    assert tuple(metric.key for metric in inference.METRICS) == METRICS
