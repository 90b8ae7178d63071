"""How the worker classes treat connections: a real gunicorn with one worker, and plain sockets."""

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from store import open_store
from tests.service import world
from tests.service.conftest import copied
from tests.service.running import Service

ASK = b"GET /recommend/%d HTTP/1.1\r\nHost: here\r\n\r\n"


@pytest.fixture(scope="module", params=["loop", "gthread"])
def service(request, trained, tmp_path_factory):
    folder = copied(trained[0], tmp_path_factory.mktemp(request.param))
    with Service(folder, WORKERS="1", WORKER_CLASS=request.param) as service:
        with closing(open_store(world.settings(folder).store_url)) as store:
            world.route(store, {1: trained[1], 2: trained[1]})
        service.wait_until_ready()
        yield service


@contextmanager
def connected(service: Service) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as connection:
        yield connection


def whole(answer: bytes) -> bool:
    """Whether the bytes are one answer, with all of its movies."""
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
    return head.startswith(b"HTTP/1.1 200") and len(body) == int(lines[b"Content-Length"]) > 0


def test_an_answer_comes_in_one_piece_on_a_connection_that_is_kept(service):
    with connected(service) as connection:
        for user in world.USERS[:20]:
            connection.sendall(ASK % user)
            assert whole(connection.recv(65_536))


def test_a_page_of_many_lines_is_whole(service):
    status, page = service.get("/metrics")
    assert status == 200
    assert page.endswith("\n")
    assert "recommend_latency_seconds_bucket" in page


def test_a_question_without_a_body_in_its_answer_is_answered(service):
    with connected(service) as connection:
        connection.sendall((ASK % world.USERS[0]).replace(b"GET", b"HEAD"))
        head = connection.recv(65_536)
    assert head.startswith(b"HTTP/1.1 200")
    assert head.endswith(b"\r\n\r\n")


def test_questions_that_come_together_are_all_answered(service):
    users = world.USERS[:3]
    with connected(service) as connection:
        connection.sendall(b"".join(ASK % user for user in users))
        answers = b""
        while answers.count(b"HTTP/1.1 200") < len(users):
            more = connection.recv(65_536)
            assert more, f"the connection ended after {answers!r}"
            answers += more


def test_callers_who_say_nothing_or_half_of_it_hold_nobody_up(service):
    with connected(service) as silent, connected(service) as slow:
        slow.sendall(b"GET /recommend/")
        for user in world.USERS[:50]:
            assert service.get(f"/recommend/{user}")[0] == 200
        silent.sendall(ASK % world.USERS[0])
        assert whole(silent.recv(65_536))


def test_what_is_no_request_is_refused_and_ends_the_connection(service):
    with connected(service) as connection:
        connection.sendall(b"rubbish\r\n\r\n")
        assert connection.recv(65_536).startswith(b"HTTP/1.1 400")
        assert connection.recv(65_536) == b""
