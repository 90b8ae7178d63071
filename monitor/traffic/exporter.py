"""The log's requests in Prometheus' words."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from monitor.failures import Failures
from monitor.traffic.tally import Span, Traffic, cumulated
from movielog.events import SECOND


class Exporter(Collector):
    """Tells what `show` was given last; nothing of requests before."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.traffic: Traffic | None = None
        self.lag_now = float("nan")
        self._lag = Gauge(
            "movielog_monitor_lag",
            "Not read yet: bytes of a file, messages of a topic; NaN where it is unknown.",
            registry=registry,
        )
        self.failures = Failures("movielog_monitor_failures_total", ("log", "store"), registry)
        registry.register(self)

    def show(self, traffic: Traffic) -> None:
        """Tell this from now on."""
        self.traffic = traffic

    def show_lag(self, lag: int | None) -> None:
        """Tell what is left to read; None where that is unknown, which counts as a failed read."""
        if lag is None:
            self.failures.count("log")
        self.lag_now = float("nan") if lag is None else lag
        self._lag.set(self.lag_now)

    def collect(self) -> Iterator[Metric]:
        """The families of what is shown."""
        if self.traffic is not None:
            yield from _families(self.traffic)

    def describe(self) -> Iterator[Metric]:
        """Nothing: what is told does not depend on what was shown when it was registered."""
        return iter(())


def _families(traffic: Traffic) -> Iterator[Metric]:
    yield _requests(traffic)
    yield _latency(traffic)
    day = traffic.day
    yield _gauge("requests_24h", "Requests of the 24 hours up to the newest event.", day.requests)
    yield from _ratios(traffic.total, day)
    yield CounterMetricFamily(
        "movielog_events_ahead", "Events dated more than 10 minutes after the clock.", value=traffic.ahead
    )
    if traffic.newest is not None:
        yield _gauge(
            "newest_event_timestamp_seconds", "Unix time of the newest event.", traffic.newest / SECOND
        )


def _requests(traffic: Traffic) -> Metric:
    family = CounterMetricFamily(
        "movielog_requests", "Requests by the status that callers saw; 0 for none.", labels=["status"]
    )
    for status, number in sorted(traffic.statuses.items()):
        family.add_metric([str(status)], number)
    return family


def _latency(traffic: Traffic) -> Metric:
    family = HistogramMetricFamily(
        "movielog_request_latency_seconds", "How long callers waited, whatever the status."
    )
    buckets = [(_edge(end), number) for end, number in cumulated(traffic.deadline_ms, traffic.total)]
    family.add_metric([], buckets, traffic.millis / 1000)
    return family


def _ratios(total: Span, day: Span) -> Iterator[Metric]:
    meaning = "Share of requests that succeeded within the deadline"
    yield _gauge("requests_within_deadline_ratio", f"{meaning}, of all time.", total.ratio)
    yield _gauge(
        "requests_within_deadline_24h_ratio", f"{meaning}, of the 24 hours up to the newest event.", day.ratio
    )


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(f"movielog_{name}", meaning, value=value)


def _edge(end: float) -> str:
    return "+Inf" if end == float("inf") else repr(end)
