"""What an exporter shows, in the words of `recount`."""

import math

from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

NAMES = {
    "newest": "movielog_newest_event_timestamp_seconds",
    "seconds": "movielog_request_latency_seconds_sum",
    "requests": "movielog_request_latency_seconds_count",
    "ratio": "movielog_requests_within_deadline_ratio",
    "24 h": "movielog_requests_24h",
    "24 h ratio": "movielog_requests_within_deadline_24h_ratio",
}


def shown(page: str) -> dict[str, object]:
    samples = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }
    single = {key: _number(samples.get((name,))) for key, name in NAMES.items()}
    statuses = {
        labels[0][1]: value for (name, *labels), value in samples.items() if name == "movielog_requests_total"
    }
    in_time = samples["movielog_request_latency_seconds_bucket", ("le", "0.75")]
    return {**single, "statuses": statuses, "to 0.75 s": in_time}


def _number(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else value


def page(registry: CollectorRegistry) -> str:
    from prometheus_client import generate_latest

    return generate_latest(registry).decode()
