"""An experiment's looks as plain data: JSON, CSV, and what the store keeps."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from scipy import special

from ml.abtest.experiment import Experiment
from ml.abtest.looks import Look
from ml.experiment.inference import METRICS, Metric, NotEnoughDataError, arm_estimate
from ml.experiment.moments import Moments
from ml.experiment.planning import ALPHA
from ml.experiment.verdict import Estimated, Finding
from movielog.times import iso
from store.port import Evaluation, ModelRef

Plain = Mapping[str, Any]

SIDES = ("old", "new")
COUNTS = (
    "users",
    "requests",
    "followers",
    "watched",
    "recommended_and_watched",
    "rating_count",
    "rating_sum",
    "top_rating_count",
    "top_rating_sum",
)
"""What the metrics of an arm are made of."""
_Z = -float(special.ndtri(ALPHA / 2))


def plain(experiment: Experiment, split: str, looks: Sequence[Look]) -> Plain:
    """All looks, and per metric the values of those at which both arms had one, under `old` and `new`."""
    found = [plain_look(experiment, look) for look in looks]
    return {
        **{metric.key: _series(metric, found) for metric in METRICS},
        "experiment": experiment.name,
        "since": iso(experiment.since),
        "split": split,
        "before": [iso(time) for time in experiment.before] if experiment.before else None,
        "verdict": found[-1]["verdict"] if found else None,
        "looks": found,
    }


def _series(metric: Metric, looks: Sequence[Plain]) -> Mapping[str, Sequence[float]]:
    pairs = [[look["arms"][side][metric.key] for side in SIDES] for look in looks]
    whole = [pair for pair in pairs if None not in pair]
    return {side: [pair[at] for pair in whole] for at, side in enumerate(SIDES)}


def plain_look(experiment: Experiment, look: Look) -> Plain:
    """One look; what cannot be computed is None."""
    models = [experiment.models[arm] for arm in sorted(experiment.models)]
    arms = zip(SIDES, models, look.arms, strict=True)
    return {
        "look": look.number,
        "looks": look.looks,
        "since": iso(experiment.since),
        "until": iso(look.until),
        "outcome": str(look.verdict.outcome),
        "verdict": str(look.verdict),
        "arms": {side: plain_arm(model, moments) for side, model, moments in arms},
        "metrics": {each.metric.key: plain_finding(each) for each in look.verdict.findings},
        "split": _plain_split(look),
    }


def plain_arm(model: ModelRef, moments: Moments) -> Plain:
    """The model, the counts, the metrics, and of each the 95% interval of this arm alone at this look."""
    counts = {name: _whole(moments.sum(name)) for name in COUNTS}
    values = {metric.key: _value(metric, moments) for metric in METRICS}
    intervals = {metric.key: _interval(metric, moments) for metric in METRICS}
    return {"model": model.name, "digest": model.digest, **counts, **values, "intervals": intervals}


def _whole(value: float) -> float | int:
    return int(value) if value == int(value) else value


def _value(metric: Metric, moments: Moments) -> float | None:
    below = moments.sum(metric.denominator)
    return moments.sum(metric.numerator) / below if below else None


def _interval(metric: Metric, moments: Moments) -> Sequence[float] | None:
    try:
        arm = arm_estimate(metric, moments)
    except NotEnoughDataError:
        return None
    return [arm.value - _Z * arm.error, arm.value + _Z * arm.error]


def plain_finding(finding: Finding) -> Plain:
    """What holds of a metric, in words and figures."""
    told = {"outcome": str(finding.outcome), "says": str(finding), "effect": finding.metric.effect}
    if not isinstance(finding, Estimated):
        return {**told, "reason": finding.reason}
    difference = finding.difference
    return {
        **told,
        "estimate": difference.estimate,
        "interval": list(finding.interval),
        "p": finding.p,
        "adjusted_p": finding.adjusted_p,
        "detectable": finding.detectable,
        "users_needed": finding.users_needed,
        "reduction": difference.reduction,
    }


def _plain_split(look: Look) -> Plain | None:
    check = look.verdict.split
    if check is None:
        return None
    return {
        "users": list(check.users),
        "requests": list(check.requests),
        "share2": check.share2,
        "deviations": list(check.deviations),
        "p": check.p,
        "p_of_all_looks": look.split_p,
        "broken": look.split_broken,
    }


def evaluation(experiment: Experiment, look: Look) -> Evaluation:
    """One look as the store keeps it."""
    return Evaluation(experiment.name, experiment.since, look.until, plain_look(experiment, look))


def write_json(results: Plain, path: Path) -> None:
    """What `ml/statistical_testing.py` takes, and the rest beside it."""
    _replace(path, json.dumps(results, indent=1, allow_nan=False) + "\n")


def write_csv(results: Plain, path: Path) -> None:
    """A row per look and metric."""
    text = io.StringIO()
    rows = [row for look in results["looks"] for row in _rows(look)]
    if rows:
        table = csv.DictWriter(text, rows[0], lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
    _replace(path, text.getvalue())


def _rows(look: Plain) -> Sequence[Plain]:
    users = {f"{side}_users": look["arms"][side]["users"] for side in SIDES}
    return [
        {
            "look": look["look"],
            "until": look["until"],
            "metric": key,
            **{side: look["arms"][side][key] for side in SIDES},
            **users,
            **_difference(finding),
            "outcome": finding["outcome"],
        }
        for key, finding in look["metrics"].items()
    ]


def _difference(finding: Plain) -> Plain:
    low, high = finding.get("interval", (None, None))
    names = ("estimate", "p", "adjusted_p")
    return {**{name: finding.get(name) for name in names}, "low": low, "high": high}


def _replace(path: Path, text: str) -> None:
    fresh = path.with_name(f"{path.name}.new")
    fresh.write_text(text)
    fresh.replace(path)
