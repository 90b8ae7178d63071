"""The demo as Prometheus, Alertmanager and Grafana see it, on the shipped files."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
import yaml

from demo.plan import JOBS
from demo.watching import MONITOR
from movielog.events import SECOND, Requested
from movielog.parse import MalformedLine, parse_line
from tests.conftest import Starter
from tests.e2e.delaying import DelayingProxy
from tests.e2e.local import alertmanager_file, prometheus_file
from tests.e2e.running import ROOT, Demo
from tests.servers.process import listens
from tests.servers.web import Webhook, WebServer

pytestmark = [pytest.mark.real, pytest.mark.timeout(500)]

RANGE = 300
"""Seconds that SlowAnswers looks back over."""
DEADLINE = 750


@dataclass
class Watched:
    """A running demo with who watches it; until `patient` (monotonic) it may not have shown everything.

    What is put on `running` ends with it.
    """

    demo: Demo
    prometheus: WebServer
    webhook: Webhook
    patient: float
    running: ExitStack

    @property
    def log(self) -> Path:
        """The event log."""
        return self.demo.folder / "made-up" / "movielog.log"

    def comes(self, url: str, rate: int) -> None:
        """One more audience asks the service at `url`, `rate` times a second, waits long and watches fast."""
        command = [
            sys.executable,
            "-m",
            "movielog.simulate",
            "live",
            "--url",
            url,
            "--log",
            f"file://{self.log}",
        ]
        pace = ["--rate", str(rate), "--timeout-ms", "3000", "--speed", "1200"]
        audience = subprocess.Popen([*command, *pace], cwd=ROOT)
        self.running.callback(audience.wait)
        self.running.callback(audience.terminate)

    def ask(self, query: str, when: float | None = None) -> list[dict[str, Any]]:
        """The series that a query gives; AssertionError with the reason where it is refused."""
        parameters = {"query": query} | ({} if when is None else {"time": str(when)})
        answer = requests.get(f"{self.prometheus.url}/api/v1/query", parameters, timeout=10).json()
        assert answer["status"] == "success", f"{query}: {answer.get('error')}"
        return list(answer["data"]["result"])

    def status_page(self) -> dict[str, Any]:
        """What the status page shows."""
        port = self.demo.metrics_port + JOBS.index("api_monitor")
        shown: dict[str, Any] = requests.get(f"http://127.0.0.1:{port}/status/data", timeout=10).json()
        return shown

    def requests(self) -> list[Requested]:
        """What the log says of requests, line by line."""
        lines = self.log.read_bytes().splitlines()
        events = [_event(line) for line in lines if b"recommendation request" in line]
        return [event for event in events if isinstance(event, Requested)]


def _event(line: bytes) -> object:
    try:
        return parse_line(line)
    except MalformedLine:
        return None


@pytest.fixture(scope="module")
def watched(
    tmp_path_factory: pytest.TempPathFactory, prometheus: Starter, alertmanager: Starter
) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("watched")
    with ExitStack() as running:
        demo = Demo(tmp_path_factory.mktemp("demo"))
        running.callback(demo.interrupt)
        webhook = running.enter_context(Webhook())
        demo.wait_for("/recommend/<userid>")
        jobs = {job: [f"127.0.0.1:{demo.metrics_port + number}"] for number, job in enumerate(JOBS)}
        sender = alertmanager(alertmanager_file(folder, f"http://{jobs['api_monitor'][0]}"), webhook.url)
        address = sender.url.removeprefix("http://")
        targets = jobs | {"recom_service": [f"127.0.0.1:{port}" for port in _services(demo)]}
        server = prometheus(prometheus_file(folder, targets, address))
        yield Watched(demo, server, webhook, time.monotonic() + 100, running)
        assert demo.process.poll() is None, f"the demo ended early:\n{''.join(demo.lines[-40:])}"


def _services(demo: Demo) -> list[int]:
    """Two behind nginx, or one alone."""
    ports = [demo.service_port, demo.service_port + 1]
    return ports if all(map(listens, ports)) else [demo.port]


def _recounted(asked: list[Requested], begin: float, end: float) -> tuple[float, float]:
    """Least and largest share of late requests among those from about `begin` to about `end` (Unix time).

    About: what a caller has written reaches the monitor and Prometheus up to three seconds later.
    """
    times = np.array([request.time / SECOND for request in asked])
    late = np.array([request.millis > DEADLINE for request in asked])
    shares = [
        late[(times > begin - before) & (times <= end - after)].mean()
        for before in np.arange(0, 3.1, 0.25)
        for after in np.arange(0, 3.1, 0.25)
    ]
    return min(shares), max(shares)


def _slow_answers(status: str) -> Any:
    return lambda said: said["status"] == status and said["commonLabels"].get("alertname") == "SlowAnswers"


def test_delayed_answers_reach_the_webhook_with_their_share_and_their_end_does(watched: Watched) -> None:
    service = f"http://127.0.0.1:{watched.demo.port}"
    proxy = watched.running.enter_context(DelayingProxy(service, seconds=1.0))
    watched.comes(proxy.url, 15)
    [fired] = watched.webhook.wait_for(_slow_answers("firing"), 60)["alerts"]
    proxy.seconds = 0.0
    watched.comes(service, 80)
    [resolved] = watched.webhook.wait_for(_slow_answers("resolved"), 150)["alerts"]

    asked = watched.requests()
    told = re.match(r"([0-9.]+)% of the requests", fired["annotations"]["summary"])
    assert told
    begin = _first_scrape(watched)
    least, most = _recounted(asked, *_range(begin, fired["startsAt"]))
    assert least - 0.005 <= float(told[1]) / 100 <= most + 0.005
    assert most > 0.2
    assert fired["labels"] == {"alertname": "SlowAnswers", "job": "api_monitor", "severity": "page"}
    assert _recounted(asked, *_range(begin, resolved["endsAt"]))[0] <= 0.2


def test_the_status_page_shows_what_the_webhook_was_told(watched: Watched) -> None:
    told = {
        (alert["labels"]["alertname"], alert["status"], alert["annotations"]["summary"])
        for notification in watched.webhook.notifications
        for alert in notification["alerts"]
    }
    shown = {(alert["name"], alert["status"], alert["summary"]) for alert in watched.status_page()["alerts"]}
    assert {"SlowAnswers"} <= {name for name, _, _ in told & shown}


def _range(begin: float, end: str) -> tuple[float, float]:
    moment = datetime.fromisoformat(end).timestamp()
    return max(begin, moment - RANGE), moment


def _first_scrape(watched: Watched) -> float:
    [series] = watched.ask("movielog_request_latency_seconds_count[1h]")
    return float(series["values"][0][0])


def _asked_by_rules() -> Iterator[tuple[str, str]]:
    for group in yaml.safe_load((MONITOR / "first_rule.yml").read_text())["groups"]:
        for number, rule in enumerate(group["rules"]):
            name = rule.get("record") or f"{rule['alert']} ({group['name']} {number})"
            yield name, rule["expr"]


def _asked_by_dashboards() -> Iterator[tuple[str, str]]:
    for page in sorted((MONITOR / "grafana" / "dashboards").glob("*.json")):
        dashboard = json.loads(page.read_text())
        for changes in dashboard["annotations"]["list"]:
            yield f"{page.stem}: {changes['name']}", changes["expr"]
        for panel in dashboard["panels"]:
            for target in panel.get("targets", []):
                yield f"{page.stem}: {panel['title']}, {target['refId']}", target["expr"]


def _without_limits(expression: str) -> str:
    """The query as it is asked in a demo that is well and a minute old.

    Comparisons say yes or no, `unless` and `absent` want what they would rather not find, now is compared
    with five seconds before, and Grafana's variables are set.
    """
    expression = re.sub(r" (==|!=|>=|<=|>|<) ", r" \1 bool ", expression)
    expression = re.sub(r"\bunless\b", "and", expression).replace("absent(", "(")
    expression = re.sub(r"\boffset \S+?(?=[\s)]|$)", "offset 5s", expression)
    return expression.replace("$__rate_interval", "20s").replace("$window", "experiment")


QUERIES = [pytest.param(query, id=name) for name, query in [*_asked_by_rules(), *_asked_by_dashboards()]]


@pytest.mark.parametrize("query", QUERIES)
def test_every_query_has_an_answer_in_the_demo(watched: Watched, query: str) -> None:
    while not (found := _numbers(watched.ask(_without_limits(query)))) and time.monotonic() < watched.patient:
        time.sleep(0.5)
    assert found, _without_limits(query)


def _numbers(series: list[dict[str, Any]]) -> list[float]:
    return [value for each in series if not np.isnan(value := float(each["value"][1]))]


def test_no_rule_ended_with_an_error(watched: Watched) -> None:
    groups = requests.get(f"{watched.prometheus.url}/api/v1/rules", timeout=10).json()["data"]["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert len(rules) == len(list(_asked_by_rules()))
    assert {(rule["name"], rule["health"], rule.get("lastError", "")) for rule in rules} == {
        (rule["name"], "ok", "") for rule in rules
    }
