"""What the status page shows, as plain JSON."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Any

from ml import routes
from monitor.page.alerts import Alerts
from monitor.quality import kept
from monitor.traffic.exporter import Exporter
from monitor.traffic.series import columns
from monitor.traffic.tally import Traffic
from movielog.events import SECOND
from store.port import Route, Store, StoreError

RANGES = {"1h": (60, 1), "24h": (1_440, 10)}
"""Minutes that are shown, and the minutes of a step."""
CHANGES = 20
"""Changes of models that are listed at most."""


@dataclass(frozen=True)
class Content:
    """Where everything comes from."""

    exporter: Exporter
    store: Store
    alerts: Alerts

    def of(self, name: str) -> Mapping[str, Any]:
        """Everything, over one of RANGES; what could not be read is empty, and `troubles` says so."""
        minutes, step = RANGES[name]
        troubles: list[str] = []
        return {
            "now": time.time(),
            "traffic": _traffic(self.exporter, minutes, step),
            "quality": self._read(lambda: _quality(self.store, minutes, step), troubles),
            "models": self._read(lambda: _models(self.store.routes()), troubles),
            "alerts": self._read(self.alerts.newest, troubles),
            "troubles": troubles,
        }

    def _read(self, part: Any, troubles: list[str]) -> Any:
        try:
            return self.exporter.failures.tried(part)
        except StoreError as error:
            troubles.append(f"The store cannot be read: {error}")
            return None


def _traffic(exporter: Exporter, minutes: int, step: int) -> Mapping[str, Any] | None:
    traffic = exporter.traffic
    if traffic is None:
        return None
    lag = exporter.lag_now
    return {
        "deadline": traffic.deadline_ms,
        "newest": traffic.newest / SECOND if traffic.newest is not None else None,
        "lag": None if isnan(lag) else lag,
        "statuses": dict(sorted(traffic.statuses.items())),
        "series": columns(traffic, minutes, step),
        **_totals(traffic),
    }


def _totals(traffic: Traffic) -> Mapping[str, Any]:
    spans = {"all": traffic.total, "day": traffic.day}
    return {
        name: {"requests": span.requests, "ratio": span.ratio if span.requests else None}
        for name, span in spans.items()
    }


def _quality(store: Store, minutes: int, step: int) -> Mapping[str, Any]:
    told = kept.read(store)
    since = (told["updated"] or 0) - 60 * minutes
    recent = [sample for sample in told["samples"] if sample["time"] >= since]
    return {**told, "samples": [*recent[:-1][::step], *recent[-1:]]}


def _models(ledger: Sequence[Route]) -> Mapping[str, Any]:
    changes = [_change(route) for route in reversed(ledger[-CHANGES:])]
    serving = routes.both(routes.serving(ledger))
    began = routes.running(ledger)
    return {
        "serving": {arm: ref.name for arm, ref in serving.items()},
        "experiment": began.time / SECOND if began else None,
        "changes": changes,
    }


def _change(route: Route) -> Mapping[str, Any]:
    models = {arm: ref.name for arm, ref in sorted(route.models.items())}
    told = {"number": route.number, "action": route.action, "who": route.who, "why": route.why}
    return {**told, "time": route.time / SECOND, "models": models}
