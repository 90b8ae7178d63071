"""What the service tells about itself, in Prometheus' words, added up over its workers."""

from collections.abc import Callable, Iterable, Mapping
from time import perf_counter, time
from typing import TYPE_CHECKING, Any, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from ml.knn import KnnModel
from movielog.events import SECOND

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_EDGES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 2.5)
_GaugeMode = Literal["livemax", "livemin", "livesum"]


class Telemetry:
    """The metrics of one process.

    With `folder`, which PROMETHEUS_MULTIPROC_DIR must name too, the page adds up all processes that write
    there, counters of ended ones included; without, it shows this process alone.
    """

    def __init__(self, folder: str | None) -> None:
        self._folder = folder
        self._registry = CollectorRegistry()
        self._requests = self._counter(
            "recommend_requests_total",
            "Responses; arm and rung are empty for errors.",
            "status",
            "arm",
            "rung",
        )
        self._latency = Histogram(
            "recommend_latency_seconds",
            "From the start of a request's work to its response, errors included.",
            buckets=_EDGES,
            registry=self._registry,
        )
        self._info = self._gauge(
            "recommend_model_info", "1 while the model serves the arm, then 0.", "livemax", "arm", "model"
        )
        self._data_end = self._gauge(
            "recommend_model_data_end_timestamp_seconds", "Unix time of the data's end.", "livemin", "arm"
        )
        self._followed = self._gauge(
            "recommend_routes_read_timestamp_seconds", "Unix time of the last look at the routes.", "livemin"
        )
        self.models_refused = self._counter("recommend_models_refused_total", "Broken models, each attempt.")
        self.answers_waiting = self._gauge(
            "recommend_answers_waiting", "Answers that are not in the store yet.", "livesum"
        )
        self.answers_dropped = self._counter(
            "recommend_answers_dropped_total", "Answers that will not be in the store."
        )
        self.histories_skipped = self._counter(
            "recommend_histories_skipped_total", "Answers without newest events: the store was away or slow."
        )
        self._bound: dict[tuple[str, str, str], Counter] = {}

    def responded(self, status: str, arm: str, rung: str, seconds: float) -> None:
        """Count one response to a request for recommendations; its status begins with the class's digit."""
        key = (status[0], arm, rung)
        counter = self._bound.get(key)
        if counter is None:
            counter = self._bound[key] = self._requests.labels(f"{status[0]}xx", arm, rung)
        counter.inc()
        self._latency.observe(seconds)

    def serves(self, before: Mapping[int, KnnModel], now: Mapping[int, KnnModel]) -> None:
        """Tell which model serves each arm, and that others did before."""
        for arm, model in before.items():
            self._info.labels(str(arm), model.name).set(0)
        for arm, model in now.items():
            self._info.labels(str(arm), model.name).set(1)
            self._data_end.labels(str(arm)).set(model.window.end / SECOND)

    def routes_read(self) -> None:
        """Note that the models in service are what the routes say at this moment."""
        self._followed.set(time())

    def page(self) -> bytes:
        """All metrics in the text format."""
        if self._folder is None:
            return generate_latest(self._registry)
        registry = CollectorRegistry()
        MultiProcessCollector(registry, self._folder)  # type: ignore[no-untyped-call]
        return generate_latest(registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, registry=self._registry)

    def _gauge(self, name: str, text: str, mode: _GaugeMode, *labels: str) -> Gauge:
        return Gauge(name, text, labels, multiprocess_mode=mode, registry=self._registry)


class Counted:
    """A WSGI application whose responses below /recommend/ are counted and timed.

    Around the whole application: Flask's own hooks cost several times as much per request.
    """

    def __init__(self, app: "WSGIApplication", telemetry: Telemetry) -> None:
        self._app = app
        self._telemetry = telemetry

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if not environ["PATH_INFO"].startswith("/recommend/"):
            return self._app(environ, start_response)
        start = perf_counter()

        def respond(status: str, headers: list[tuple[str, str]], *error: Any) -> Callable[[bytes], object]:
            told = dict(headers)
            labels = told.get("X-Arm", ""), told.get("X-Rung", "")
            self._telemetry.responded(status, *labels, perf_counter() - start)
            return start_response(status, headers, *error)

        return self._app(environ, respond)
