"""Replicas come, go and die behind nginx, and no caller notices."""

import json
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
import requests

from tests.stack.conftest import Running, readiness, wait_until
from tests.stack.machine.images import ROOT
from tests.stack.traffic.load import Sample, load

pytestmark = pytest.mark.stack
_REPLICA = "recom_service"


def _addresses(running: Running) -> dict[str, dict[str, Any]]:
    """The running replicas by the address that nginx's log gives them."""
    replicas = running.stack.containers(_REPLICA)
    networks = [next(iter(replica["NetworkSettings"]["Networks"].values())) for replica in replicas]
    return {
        f"{network['IPAddress']}:8082": replica for network, replica in zip(networks, replicas, strict=True)
    }


def _answered(running: Running, since: float) -> list[dict[str, Any]]:
    """nginx's log of the requests that were answered since then; it is written once a second."""
    time.sleep(1.5)
    lines = running.stack.logs(running.stack.containers("load_balancer")[0], since)
    entries = [json.loads(line) for line in lines if line.startswith("{")]
    return [entry for entry in entries if "/recommend/" in entry["request"]]


def _scale(running: Running, number: int) -> None:
    """So many replicas, all of them ready."""
    running.stack.scale(_REPLICA, number)
    wait_until(lambda: _ready(running) == number, f"{number} replicas")


def _ready(running: Running) -> int:
    return sum(" 200 " in page.partition("\r")[0] for page in readiness(running))


def _failed(samples: Sequence[Sample]) -> list[Sample]:
    return [sample for sample in samples if sample.failed]


def test_four_replicas_share_the_requests_evenly(serving: Running) -> None:
    _scale(serving, 4)
    replicas, since = _addresses(serving), time.time()
    with requests.Session() as session:
        statuses = Counter(
            session.get(f"{serving.url}/recommend/{user}").status_code for user in range(2_000)
        )
    assert statuses == {200: 2_000}
    shares = Counter(entry["upstream"] for entry in _answered(serving, since))
    assert set(shares) == set(replicas)
    assert all(0.2 <= share / 2_000 <= 0.3 for share in shares.values()), shares


def test_no_request_fails_while_replicas_are_removed_and_added(serving: Running) -> None:
    _scale(serving, 4)
    with load(serving.url) as client:
        serving.stack.scale(_REPLICA, 2)
        time.sleep(3)
        old, since = set(_addresses(serving)), time.time()
        serving.stack.scale(_REPLICA, 5)
        time.sleep(10)
        added = set(_addresses(serving)) - old
    assert not _failed(client.samples)
    used = {entry["upstream"] for entry in _answered(serving, since) if entry["status"] == 200}
    assert len(added) == 3
    assert added <= used, "a new replica was not in use ten seconds after the command"


def test_no_request_fails_when_a_replica_is_killed(serving: Running) -> None:
    _scale(serving, 3)
    victim = serving.stack.containers(_REPLICA)[0]
    with load(serving.url) as client:
        serving.stack.kill(victim)
        time.sleep(5)
    assert not _failed(client.samples)
    wait_until(lambda: _ready(serving) == 3, "Docker starts the killed replica again")


def test_no_request_fails_while_a_replica_hangs(serving: Running) -> None:
    _scale(serving, 3)
    victim = serving.stack.containers(_REPLICA)[0]["Id"]
    with load(serving.url, rate=20) as client:
        serving.stack.run(["docker", "pause", victim])
        time.sleep(4)
        serving.stack.run(["docker", "unpause", victim])
    assert not _failed(client.samples)


def test_no_request_fails_while_every_replica_is_replaced(serving: Running) -> None:
    _scale(serving, 2)
    before = {replica["Id"] for replica in serving.stack.containers(_REPLICA)}
    with load(serving.url) as client:
        serving.stack.rollout()
    assert not _failed(client.samples)
    after = {replica["Id"] for replica in serving.stack.containers(_REPLICA)}
    assert len(after) == 2
    assert not before & after


def test_without_replicas_nginx_answers_with_a_sentence_and_uses_new_ones_at_once(serving: Running) -> None:
    serving.stack.scale(_REPLICA, 0)
    answer = requests.get(f"{serving.url}/recommend/1", timeout=2)
    assert answer.status_code in {502, 504}  # refused, or the last known addresses are silent
    assert answer.text.startswith("No replica of the service")
    assert answer.headers["Retry-After"] == "1"
    _scale(serving, 2)
    time.sleep(2)  # the name server is asked every second
    assert {requests.get(f"{serving.url}/recommend/{user}", timeout=2).status_code for user in range(50)} == {
        200
    }


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/recommend/1", 405),
        ("GET", "/metrics", 404),
        ("GET", "/-bad", 404),
        ("GET", f"/recommend/{'1' * 9000}", 414),
        ("G.T", "/recommend/1", 400),
    ],
)
def test_what_nginx_refuses_it_refuses_in_plain_text(
    method: str, path: str, status: int, serving: Running
) -> None:
    answer = requests.request(method, serving.url + path, timeout=5)
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "text/plain"
    assert "<" not in answer.text.replace("<userid>", "")


def test_the_balancers_configuration_is_the_one_that_is_shipped(running: Running) -> None:
    balancer = running.stack.containers("load_balancer")[0]["Id"]
    shown = running.stack.run(["docker", "exec", balancer, "cat", "/etc/nginx/nginx.conf"])
    assert shown == (ROOT / "nginx.conf").read_text()
