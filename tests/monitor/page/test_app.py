"""The api monitor's pages, asked without a browser."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from flask.testing import FlaskClient
from prometheus_client import CollectorRegistry

from monitor.page.alerts import Alerts
from monitor.page.app import create_pages
from monitor.page.content import Content
from monitor.quality import kept
from monitor.quality.figures import Figure
from monitor.quality.history import History
from monitor.traffic.exporter import Exporter
from monitor.traffic.tally import Tally
from store.port import ModelRef, Route, Store, StoreUnavailable
from tests.fakes import MemoryStore
from tests.monitor.page.test_alerts import alert, notification
from tests.monitor.traffic.lines import some_lines
from tests.movielog.recount import START

NOWHERE = "http://127.0.0.1:9"
REFS = {1: ModelRef("KNN_1_2022-01-07", "a" * 64), 2: ModelRef("KNN_2_2022-01-08", "b" * 64)}


class Away(MemoryStore):
    def routes(self) -> list[Route]:
        raise StoreUnavailable("the store is out for lunch")


def exporter() -> Exporter:
    shown = Exporter(CollectorRegistry())
    tally = Tally(750)
    tally.add([line.encode() for line in some_lines(3000, 30, seed=1)], START + 10**18)
    shown.show(tally.traffic())
    shown.show_lag(7)
    return shown


def pages(store: Store, service_url: str = NOWHERE) -> FlaskClient:
    shown = exporter()
    content = Content(shown, store, Alerts(store))
    return create_pages(CollectorRegistry(), lambda: content, service_url).test_client()


@pytest.fixture
def service() -> Iterator[str]:
    """A service that explains user 7, and says of others that they are none."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.path == "/explain/7"
            self.send_response(200 if known else 400)
            self.send_header("Content-Type", "application/json" if known else "text/plain")
            self.end_headers()
            self.wfile.write(b'{"user": 7}' if known else f"{self.path} is no user".encode())

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_all_that_is_shown_is_told_at_once() -> None:
    store = MemoryStore()
    for number, arms in ((1, [1]), (2, [1, 2])):
        models = {arm: REFS[arm] for arm in arms}
        store.add_route(Route(number, START + number * 10**9, models, "publish", "me", "a test"))
    History(store).keep([Figure("online_users", {"window": "1h", "arm": "1", "model": "m"}, 3.0)], 1_000_000)
    client = pages(store)
    client.post("/alerts", json=notification(alert()))
    told = client.get("/status/data").json
    assert told["models"]["serving"] == {"1": REFS[1].name, "2": REFS[2].name}
    assert [change["number"] for change in told["models"]["changes"]] == [2, 1]
    assert told["models"]["experiment"] == START / 10**9 + 2
    assert told["quality"]["figures"] == [["online_users", {"window": "1h", "arm": "1", "model": "m"}, 3.0]]
    assert told["alerts"][0]["name"] == "SlowAnswers"
    assert (told["traffic"]["lag"], told["troubles"]) == (7, [])


@pytest.mark.parametrize(("name", "steps"), [("1h", 60), ("24h", 144), ("nonsense", 60)])
def test_a_range_has_its_steps(name: str, steps: int) -> None:
    series = pages(MemoryStore()).get(f"/status/data?range={name}").json["traffic"]["series"]
    assert {len(column) for column in series.values()} == {steps}


def test_while_the_store_is_away_the_traffic_is_shown_and_the_trouble_said() -> None:
    client = pages(Away())
    told = client.get("/status/data").json
    assert told["traffic"]["all"]["requests"] > 1000
    assert told["models"] is None
    assert "out for lunch" in told["troubles"][0]


def test_before_the_store_is_there_the_page_says_so_and_metrics_go_on() -> None:
    def content() -> Content:
        raise StoreUnavailable("it was not there yet")

    client = create_pages(CollectorRegistry(), content, NOWHERE).test_client()
    told = client.get("/status/data")
    assert (told.status_code, told.text) == (503, "the store is away: it was not there yet")
    assert client.post("/alerts", json=notification(alert())).status_code == 503
    assert client.get("/metrics").status_code == client.get("/status").status_code == 200


def test_a_user_is_explained_by_the_service(service: str) -> None:
    client = pages(MemoryStore(), service)
    assert client.get("/status/explain/7").json == {"user": 7}
    wrong = client.get("/status/explain/a b?c")
    assert (wrong.status_code, wrong.text) == (400, "/explain/a%20b is no user")


def test_a_service_that_is_away_is_said() -> None:
    told = pages(MemoryStore()).get("/status/explain/7")
    assert (told.status_code, told.text) == (502, f"the service at {NOWHERE} does not answer")


@pytest.mark.parametrize(
    ("body", "status"), [(b"no json", 400), (b"{}", 400), (b"x" * 2_000_000, 413), (b'{"alerts": []}', 200)]
)
def test_only_notifications_are_taken(body: bytes, status: int) -> None:
    assert pages(MemoryStore()).post("/alerts", data=body).status_code == status


def test_nothing_of_the_page_comes_from_elsewhere() -> None:
    client = pages(MemoryStore())
    page = client.get("/status")
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    assert "http://" not in page.text and "https://" not in page.text
    assert client.get("/").headers["Location"] == "/status"


def test_figures_beyond_a_day_are_forgotten_and_a_minute_is_kept_once() -> None:
    store = MemoryStore()
    history = History(store)
    figures = [
        Figure(name, {"window": "1h", "arm": "1", "model": model}, value)
        for model, users in (("old", 3.0), ("new", 9.0))
        for name, value in (("online_requests", users), ("online_record_accuracy", users / 10))
    ]
    for second in range(0, 2000 * 60, 30):
        if second % 6000 == 0:
            history = History(store)
        history.keep(figures, second)
    samples = kept.read(store)["samples"]
    assert len(samples) == 1440
    assert samples[-1] == {"time": 1999 * 60, "windows": {"1h": {"1": {"record_accuracy": 0.9}}}}
