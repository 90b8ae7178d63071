"""The audience before a real HTTP server, which answers as the test says."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from movielog.audience.caller import Caller, server_of
from movielog.audience.invented import invented
from movielog.audience.live import UNKNOWN_IDS, Live, Pace
from movielog.audience.model import Audience
from movielog.audience.outlet import Outlet
from movielog.events import Event, Rated, Requested, Watched
from movielog.parse import MalformedLine, parse_line

Answer = tuple[int, str, str]  # status, arm, body


@contextmanager
def _service(answer: Callable[[int], Answer]) -> Iterator[str]:
    """A server whose `/recommend/<user>` gives `answer(user)`; its URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, arm, body = answer(int(self.path.removeprefix("/recommend/")))
            self.send_response(status)
            self.send_header("X-Arm", arm)
            self.send_header("Content-Length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Nothing on stderr."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(scope="module")
def audience() -> Audience:
    return invented(40, 60, seed=1)


PACE = Pace(rate=100, speed=60_000, threads=8)


def _live(audience: Audience, url: str, log: Path, pace: Pace = PACE) -> tuple[Live, list[Event]]:
    """Live for a second; the life and the log's events, without damaged lines."""
    outlet, rng = Outlet(f"file://{log}"), np.random.default_rng(1)
    live = Live(audience, Caller(url, 0.3, 8), outlet, pace, rng)
    assert live.run(threading.Event(), seconds=1) == 0
    return live, [event for line in log.read_bytes().splitlines() if (event := _parsed(line))]


def _parsed(line: bytes) -> Event | None:
    try:
        return parse_line(line)
    except MalformedLine:
        return None


def _of(kind: type, events: list[Event]) -> list[Event]:
    return [event for event in events if isinstance(event, kind)]


def test_answers_are_written_as_their_callers_saw_them(audience: Audience, tmp_path: Path) -> None:
    body = ",".join(audience.movies[:20])
    with _service(lambda _: (200, "1", body + "\n")) as url:
        live, events = _live(audience, url, tmp_path / "log")
    requests = _of(Requested, events)
    assert live.requests == len(requests) > 20
    assert live.failures == 0
    for request in requests:
        assert isinstance(request, Requested)
        assert (request.status, request.movies, request.error) == (200, audience.movies[:20], "")
        assert request.server == server_of(url)
        assert request.user in audience.users


def test_a_viewing_begins_after_the_request_and_goes_minute_by_minute(
    audience: Audience, tmp_path: Path
) -> None:
    with _service(lambda _: (200, "1", audience.movies[0])) as url:
        _, events = _live(audience, url, tmp_path / "log")
    first: dict[int, int] = {}
    for event in events:
        if isinstance(event, Requested):
            first.setdefault(event.user, event.time)
    minutes: dict[tuple[int, str], list[int]] = {}
    for event in events:
        if isinstance(event, Watched):
            assert event.time > first[event.user]
            minutes.setdefault((event.user, event.movie), []).append(event.minute)
    assert len(minutes) > 20
    once = [seen for seen in minutes.values() if seen.count(0) == 1]
    assert all(seen == list(range(len(seen))) for seen in once)
    ratings = [event for event in events if isinstance(event, Rated)]
    assert ratings
    assert all((rating.user, rating.movie) in minutes for rating in ratings)


def test_appeal_decides_whether_the_recommendations_of_an_arm_are_followed(
    audience: Audience, tmp_path: Path
) -> None:
    """Nobody hears of the recommended movies elsewhere, so who watches one followed the recommendation."""
    unheard_of = replace(audience, popularity=np.where(np.arange(60) < 20, 0.0, audience.popularity))
    with _service(lambda user: (200, str(2 - user % 2), ",".join(audience.movies[:20]))) as url:
        pace = replace(PACE, appeal={1: 1.0, 2: 0.0})
        _, events = _live(unheard_of, url, tmp_path / "log", pace)
    viewings = [event for event in events if isinstance(event, Watched)]
    followers = {event.user % 2 for event in viewings if event.movie in audience.movies[:20]}
    assert followers == {1}


def test_timeouts_refusals_and_errors_become_requests_that_failed(audience: Audience, tmp_path: Path) -> None:
    def answer(user: int) -> Answer:
        if user % 2:
            time.sleep(0.5)
        return 503, "", "no model yet, try again: soon\nplease"

    with _service(answer) as url:
        _, events = _live(audience, url, tmp_path / "log")
    failed = [event for event in events if isinstance(event, Requested)]
    slow, quick = [e for e in failed if e.user % 2], [e for e in failed if not e.user % 2]
    assert slow
    assert quick
    assert {(e.status, e.error) for e in slow} == {(0, f"Request timeout to {server_of(url)} after 300 ms")}
    assert {e.millis >= 300 for e in slow} == {True}
    assert {(e.status, e.error) for e in quick} == {
        (503, "Service Unavailable: no model yet, try again: soon please")
    }
    _, events = _live(audience, url, tmp_path / "refused")
    refused = {(e.status, e.error) for e in events if isinstance(e, Requested)}
    assert refused == {(0, f"Connection refused: {server_of(url)}")}
    assert _of(Watched, events), "users whose request failed still watch something"


def test_unknown_users_ask_too_and_damaged_lines_are_mixed_in(audience: Audience, tmp_path: Path) -> None:
    with _service(lambda _: (200, "1", "")) as url:
        _, events = _live(audience, url, tmp_path / "log", replace(PACE, unknown=0.5, damaged=0.2))
    lines = (tmp_path / "log").read_bytes().splitlines()
    assert 0.1 < 1 - len(events) / len(lines) < 0.3
    unknown = Counter(event.user in UNKNOWN_IDS for event in events if isinstance(event, Requested))
    assert unknown[True] > 5
    assert unknown[False] > 5


def test_lines_wait_for_a_log_that_is_away(tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("a file stands where the log's folder should be")
    outlet = Outlet(f"file://{tmp_path}/folder/log")
    outlet.write([b"one"])
    outlet.write([b"two"])
    (tmp_path / "folder").unlink()
    assert outlet.close() == 0
    assert (tmp_path / "folder" / "log").read_bytes() == b"one\ntwo\n"


def test_lines_that_no_log_took_are_counted(tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("")
    outlet = Outlet(f"file://{tmp_path}/folder/log")
    outlet.write([b"one", b"two"])
    assert outlet.close() == 2
