"""The models' quality in Prometheus' words."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from monitor.failures import Failures
from monitor.quality.figures import MEANINGS, Figure


class Exporter(Collector):
    """Tells the figures that `show` was given last."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._figures: Sequence[Figure] = ()
        self._updated = Gauge(
            "model_quality_updated_timestamp_seconds", "Unix time of the last update.", registry=registry
        )
        self._seconds = Gauge(
            "model_quality_update_seconds", "How long the last update took.", registry=registry
        )
        self.failures = Failures("model_quality_failures_total", ("store",), registry)
        registry.register(self)

    def show(self, figures: Sequence[Figure], seconds: float) -> None:
        """Tell these from now on; the update took so many seconds."""
        self._figures = figures
        self._seconds.set(seconds)
        self._updated.set_to_current_time()

    def collect(self) -> Iterator[Metric]:
        """A family for every name that has a figure."""
        found: defaultdict[str, list[Figure]] = defaultdict(list)
        for figure in self._figures:
            found[figure.name].append(figure)
        for name, figures in found.items():
            family = GaugeMetricFamily(name, MEANINGS[name], labels=list(figures[0].labels))
            for figure in figures:
                family.add_metric(list(figure.labels.values()), figure.value)
            yield family

    def describe(self) -> Iterator[Metric]:
        """Nothing: what is told does not depend on what was shown when it was registered."""
        return iter(())
