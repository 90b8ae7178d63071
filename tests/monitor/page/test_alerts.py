import json
from pathlib import Path

import pytest

from monitor.page.alerts import Alerts, NotificationError
from tests.fakes import MemoryStore


def alert(name: str = "SlowAnswers", minute: int = 0, status: str = "firing") -> dict[str, object]:
    return {
        "status": status,
        "labels": {"alertname": name, "severity": "page"},
        "annotations": {"summary": f"{name} is the matter"},
        "startsAt": f"2026-11-25T{minute // 60:02}:{minute % 60:02}:00Z",
        "endsAt": "2026-11-25T23:00:00Z" if status == "resolved" else "0001-01-01T00:00:00Z",
        "fingerprint": f"of {name}",
    }


def notification(*alerts: dict[str, object]) -> dict[str, object]:
    return {"version": "4", "status": "firing", "groupKey": "{}", "alerts": list(alerts)}


def test_an_alert_is_there_once_however_often_it_is_told() -> None:
    alerts = Alerts(MemoryStore())
    for _ in range(3):
        alerts.take(notification(alert(), alert("NoRequests", 5)))
    assert [one["name"] for one in alerts.newest()] == ["NoRequests", "SlowAnswers"]
    assert alerts.newest()[1]["summary"] == "SlowAnswers is the matter"


def test_what_is_resolved_says_when_and_stays_resolved() -> None:
    alerts = Alerts(MemoryStore())
    alerts.take(notification(alert()))
    assert (alerts.newest()[0]["status"], alerts.newest()[0]["ended"]) == ("firing", None)
    alerts.take(notification(alert(status="resolved")))
    alerts.take(notification(alert()))
    (one,) = alerts.newest()
    assert (one["status"], one["ended"]) == ("resolved", "2026-11-25T23:00:00Z")


def test_the_same_alert_at_another_time_is_another_one() -> None:
    alerts = Alerts(MemoryStore())
    alerts.take(notification(alert(status="resolved"), alert(minute=30)))
    assert [one["status"] for one in alerts.newest()] == ["firing", "resolved"]


def test_the_last_fifty_are_kept() -> None:
    alerts = Alerts(MemoryStore())
    for minute in range(80):
        alerts.take(notification(alert(minute=minute)))
    assert [one["started"] for one in alerts.newest()] == [
        alert(minute=m)["startsAt"] for m in range(79, 29, -1)
    ]


def test_they_outlive_a_restart() -> None:
    store = MemoryStore()
    Alerts(store).take(notification(alert()))
    assert [one["name"] for one in Alerts(store).newest()] == ["SlowAnswers"]


@pytest.mark.parametrize(
    "told", [None, [], "text", {}, {"alerts": 7}, {"alerts": [7]}, {"alerts": [{"status": "firing"}]}]
)
def test_what_is_no_notification_is_refused_and_changes_nothing(told: object) -> None:
    alerts = Alerts(MemoryStore())
    with pytest.raises(NotificationError):
        alerts.take(told)
    assert alerts.newest() == []


def test_half_a_notification_changes_nothing() -> None:
    alerts = Alerts(MemoryStore())
    with pytest.raises(NotificationError):
        alerts.take(json.loads(json.dumps(notification(alert(), {"labels": {}}))))
    assert alerts.newest() == []


def test_the_library_that_draws_comes_with_its_licence() -> None:
    static = Path(__file__).parents[3] / "monitor" / "page" / "static"
    assert "MIT" in (static / "uPlot.LICENSE").read_text()
    assert "v1.6.32" in (static / "uPlot.iife.min.js").read_text()[:60]
