"""The last alerts, as Alertmanager tells of them."""

import json
from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any

from store.port import Store

LONGEST = 50
"""Alerts that are kept."""

_NAME = "alerts"
_RESOLVED = "resolved"


class NotificationError(ValueError):
    """A body that is no notification of Alertmanager's; the sentence says what is wrong."""


class Alerts:
    """Newest first, each once by fingerprint and start, however often it is told. Kept in the store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._turn = Lock()
        self._known: dict[str, dict[str, Any]] | None = None

    def take(self, notification: Any) -> None:
        """Take in a notification (version 4) and write it; what is resolved stays resolved."""
        told = [_alert(each) for each in _listed(notification)]
        with self._turn:
            known = dict(self._read())
            for alert in told:
                if known.get(alert["id"], {}).get("status") != _RESOLVED:
                    known[alert["id"]] = alert
            newest = sorted(known.values(), key=lambda alert: alert["started"], reverse=True)[:LONGEST]
            self._known = {alert["id"]: alert for alert in newest}
            self._store.save_checkpoint(_NAME, json.dumps(self._known).encode())

    def newest(self) -> Sequence[Mapping[str, Any]]:
        """Newest first."""
        with self._turn:
            return list(self._read().values())

    def _read(self) -> dict[str, dict[str, Any]]:
        if self._known is None:
            self._known = json.loads(self._store.checkpoint(_NAME) or b"{}")
        return self._known


def _listed(notification: Any) -> Sequence[Any]:
    alerts = notification.get("alerts") if isinstance(notification, dict) else None
    if not isinstance(alerts, list):
        raise NotificationError("expected Alertmanager's JSON with a list of `alerts`")
    return alerts


def _alert(told: Any) -> dict[str, Any]:
    try:
        labels, notes = told["labels"], told["annotations"]
        started, ended = str(told["startsAt"]), str(told["endsAt"])
        return {
            "id": f"{told['fingerprint']} {started}",
            "status": str(told["status"]),
            "name": str(labels["alertname"]),
            "severity": str(labels.get("severity", "")),
            "summary": str(notes.get("summary", "")),
            "started": started,
            "ended": ended if told["status"] == _RESOLVED else None,
        }
    except (KeyError, TypeError, AttributeError) as wrong:
        raise NotificationError(f"an alert lacks what it should hold: {wrong}") from wrong
