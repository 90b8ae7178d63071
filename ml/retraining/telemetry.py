"""What retrains came to, as metrics: from the store, so that they are right after a restart."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import product

import prometheus_client as prometheus
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from ml.retraining.pipeline import TIMELESS
from ml.retraining.schedule import NEWEST
from movielog.events import SECOND
from store.port import ARMS, FAILED, PUBLISHED, REFUSED, RUNNING, UNFIT, Retrain

_NOT_MEASURED = {NEWEST, TIMELESS}


class Telemetry(Collector):
    """Shows the retrains that it was told of last, and nothing of them before."""

    def __init__(self, registry: prometheus.CollectorRegistry) -> None:
        self._retrains: Sequence[Retrain] | None = None
        self._next = prometheus.Gauge(
            "retrain_next_run_timestamp_seconds", "When the next model is due, in the log's time.",
            registry=registry,
        )  # fmt: skip
        self._next.set(float("nan"))
        self._running = prometheus.Gauge("retrain_running", "1 while a model is made.", registry=registry)
        self._backlog = prometheus.Gauge(
            "provenance_backlog", "Retrains not yet pushed to the DVC remote.", registry=registry
        )
        registry.register(self)

    def tell(self, retrains: Sequence[Retrain], due: int | None, backlog: int) -> None:
        """`due` in ns of the log."""
        self._retrains = tuple(retrains)
        self._next.set(float("nan") if due is None else due / SECOND)
        self._backlog.set(backlog)

    def running(self, is_running: bool) -> None:
        """A model is being made, or no longer."""
        self._running.set(is_running)

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        """The families that follow from the retrains."""
        if self._retrains is None:
            return
        ended = [retrain for retrain in self._retrains if retrain.outcome != RUNNING]
        yield _counted(ended)
        yield _last_run(ended)
        duration = GaugeMetricFamily("retrain_duration_seconds", "How long the last retrain took.")
        for retrain in ended[-1:]:
            duration.add_metric([], ((retrain.ended or retrain.started) - retrain.started) / SECOND)
        yield duration
        yield _measured(ended)


def _counted(ended: Sequence[Retrain]) -> CounterMetricFamily:
    """Every outcome from 0 on: a count that first shows as 1 has not increased for Prometheus."""
    family = CounterMetricFamily("retrain_runs", "Retrains by how they ended.", labels=["label", "outcome"])
    counted = Counter((one.label, one.outcome) for one in ended)
    for label, outcome in product(ARMS, (PUBLISHED, REFUSED, UNFIT, FAILED)):
        family.add_metric([str(label), outcome], counted[label, outcome])
    return family


def _last_run(ended: Sequence[Retrain]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(
        "retrain_last_run_timestamp_seconds", "When the last retrain ended.", labels=["label"]
    )
    for label, retrain in {str(one.label): one for one in ended}.items():
        family.add_metric([label], (retrain.ended or retrain.started) / SECOND)
    return family


def _measured(ended: Sequence[Retrain]) -> GaugeMetricFamily:
    family = GaugeMetricFamily("gate_figures", "What the gate measured last.", labels=["label", "name"])
    judged = {str(one.label): one for one in ended if one.figures.keys() - _NOT_MEASURED}
    for label, retrain in judged.items():
        for name in sorted(retrain.figures.keys() - _NOT_MEASURED):
            family.add_metric([label, name], retrain.figures[name])
    return family
