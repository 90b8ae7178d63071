"""What is shown of the models' quality: names, labels, values."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ml.experiment.inference import METRICS
from ml.experiment.verdict import Estimated
from monitor.quality.experiment import Look
from monitor.quality.trained import Trained
from monitor.quality.windows.lately import Lately
from monitor.quality.windows.sliding import Measured
from monitor.quality.windows.viewer import Group
from movielog.events import SECOND

MEANINGS = {
    "online_record_accuracy": "Movies recommended and watched / all movies watched.",
    "online_recommendation_accuracy": "Users who watched a recommended movie / users who requested.",
    "online_average_rating": "Mean rating, 1 to 5, of movies recommended and watched.",
    "online_average_top_rating": "Mean rating, 1 to 5, of movies recommended first and watched.",
    "online_users": "Users with a successful request.",
    "online_requests": "Successful requests.",
    "experiment_start_timestamp_seconds": "Unix time since which the running experiment has run.",
    "experiment_difference": "Arm 1 minus arm 2.",
    "experiment_interval_low": "Lower end of the difference's 95% interval, valid at all looks.",
    "experiment_interval_high": "Upper end of the difference's 95% interval, valid at all looks.",
    "experiment_p": "p of no difference, valid at all looks and for all four metrics.",
    "experiment_split_p": "p of a sound split of users and requests, valid at all looks.",
    "drift_psi": "Population stability index, training window against the last 24 hours.",
    "recommended_coverage_ratio": "Movies recommended in the last hour / movies of the training window.",
    "recommended_popularity_bias": "How much more popular than what is watched; 0 equally, 1 twice.",
    "serving_model_age_seconds": "From the end of the model's training window to the newest event.",
    "answers_rung_ratio": "Share of the arm's answers of the last hour.",
}
"""Every figure and what it tells."""


class Figure(NamedTuple):
    """One value of a name in `MEANINGS`; NaN where it is undefined."""

    name: str
    labels: Mapping[str, str]
    value: float


def of_window(window: str, measured: Mapping[Group, Measured]) -> Iterator[Figure]:
    """The four metrics, users and requests of every arm and model."""
    for (arm, model), (requests, online) in measured.items():
        labels = {"window": window, "arm": str(arm), "model": model}
        for metric in METRICS:
            yield Figure(f"online_{metric.key}", labels, getattr(online, metric.key))
        yield Figure("online_users", labels, online.users)
        yield Figure("online_requests", labels, requests)


def of_experiment(look: Look) -> Iterator[Figure]:
    """Start, differences and the check of the split."""
    yield Figure("experiment_start_timestamp_seconds", {}, look.began.time / SECOND)
    yield Figure("experiment_split_p", {}, look.split_p)
    for finding in look.verdict.findings:
        if isinstance(finding, Estimated):
            labels = {"metric": finding.metric.key}
            low, high = finding.interval
            yield Figure("experiment_difference", labels, finding.difference.estimate)
            yield Figure("experiment_interval_low", labels, low)
            yield Figure("experiment_interval_high", labels, high)
            yield Figure("experiment_p", labels, finding.adjusted_p)


def of_answers(lately: Lately, catalogues: Mapping[Group, Trained]) -> Iterator[Figure]:
    """Rungs of each arm, and what the models in service recommended."""
    for (arm, rung), share in lately.rungs().items():
        yield Figure("answers_rung_ratio", {"arm": str(arm), "rung": rung}, share)
    for (arm, model), listed in lately.listed().items():
        if trained := catalogues.get((arm, model)):
            labels = {"arm": str(arm), "model": model}
            yield Figure("recommended_coverage_ratio", labels, listed.coverage(trained.viewings))
            yield Figure("recommended_popularity_bias", labels, listed.popularity_lift(trained.viewings))


def of_ages(now: int, catalogues: Mapping[Group, Trained]) -> Iterator[Figure]:
    """Age of every model in service."""
    for (arm, model), trained in catalogues.items():
        labels = {"arm": str(arm), "model": model}
        yield Figure("serving_model_age_seconds", labels, max(0, now - trained.window.end) / SECOND)
