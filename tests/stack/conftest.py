"""The stack, brought up once for all of its tests, with a log ingested and two models in service."""

import json
import os
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event

import pytest
import requests

from tests.servers.process import free_port
from tests.stack.machine.compose import Stack
from tests.stack.traffic import events

LINES = 200_000
_PATIENCE = 240
"""Seconds that the stack has for anything; many times what it takes on a busy machine."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A session's first test waits for the whole stack."""
    for item in items:
        if item.get_closest_marker("stack"):
            item.add_marker(pytest.mark.timeout(900))


def wait_until(true: Callable[[], bool], what: str, seconds: float = _PATIENCE) -> float:
    """Seconds until it was true; AssertionError where it was not in time."""
    started = time.monotonic()
    while not true():
        assert time.monotonic() < started + seconds, f"{what}: not within {seconds} s"
        time.sleep(0.2)
    return time.monotonic() - started


def _command(name: str) -> str:
    if name.upper() not in os.environ:
        pytest.skip(f"{name} is not there; run `make test-stack`")
    return os.environ[name.upper()]


@dataclass(frozen=True)
class Running:
    """A stack that is up: the way to it and its address."""

    stack: Stack
    url: str

    def ready(self) -> bool:
        """Whether a request for recommendations is answered well."""
        return requests.get(f"{self.url}/recommend/1", timeout=5).status_code == 200


def _running(generation: str) -> Iterator[Running]:
    ports = {f"{name}_PORT": str(free_port()) for name in ("PUBLISH", "PROMETHEUS", "ALERTMANAGER", "STATUS")}
    password = {"GRAFANA_ADMIN_PASSWORD": secrets.token_urlsafe()}
    stack = Stack(
        _command(generation), f"marquee-test-{generation}", {"MARQUEE_TAG": "test", **ports, **password}
    )
    try:
        yield Running(stack, f"http://127.0.0.1:{ports['PUBLISH_PORT']}")
    finally:
        stack.down()


@pytest.fixture(scope="session")
def first_generation() -> Iterator[Running]:
    """A project of Compose 1 with nothing started."""
    yield from _running("compose1")


@pytest.fixture(scope="session")
def second_generation() -> Iterator[Running]:
    """A project of Compose 2 with nothing started."""
    yield from _running("compose2")


@pytest.fixture(scope="session")
def running(first_generation: Running) -> Running:
    """What `docker-compose up -d --build` makes, but the retrainer: it would act on half a log."""
    first_generation.stack.compose("up", "-d", "--build", "--scale", "retrainer=0")
    return first_generation


@pytest.fixture(scope="session")
def truth(running: Running) -> events.Truth:
    """What a log tells that two copies ingested; twice one was killed and the broker restarted on the way."""
    stack = running.stack
    stack.scale("ingest", 2)
    lines, truth = events.make(LINES, seed=1)
    for half in (lines[: LINES // 2], lines[LINES // 2 :]):
        _kill_ingest_amid(stack, half)
        stack.compose("restart", "kafka")
    wait_until(lambda: _lag(stack) == 0, "ingest has read everything")
    return truth


def _kill_ingest_amid(stack: Stack, lines: Sequence[bytes]) -> None:
    """SIGKILL one of two copies that share the topic, while lines are being written."""
    wait_until(lambda: members(stack) == [2, 2], "the partitions are spread over both copies")
    before = ingested(stack)
    with ThreadPoolExecutor() as background:
        killed = Event()
        writing = background.submit(_write, stack, lines, killed)
        wait_until(lambda: ingested(stack) > before, "ingest writes")
        stack.kill(stack.containers("ingest")[0])
        killed.set()
    writing.result()


def _write(stack: Stack, lines: Sequence[bytes], killed: Event) -> None:
    """Append the lines to the log, a quarter at a time, the last one once ingest was killed."""
    for part in range(4):
        if part == 3:
            assert killed.wait(_PATIENCE), "ingest was not killed"
        sent = b"".join(line + b"\n" for line in lines[part::4])
        stack.python("tests.stack.traffic.inside", "write", sent=sent)


def _lag(stack: Stack) -> int:
    """Lines of the log that ingest has not committed."""
    return int(stack.python("tests.stack.traffic.inside", "lag"))


def members(stack: Stack) -> list[int]:
    """How many partitions each member of ingest's group has."""
    return [int(number) for number in stack.python("tests.stack.traffic.inside", "members").split()]


def ingested(stack: Stack) -> float:
    """Lines that the running copies of ingest have written."""
    return sum(metrics(stack, "ingest", "ingest_lines_total").values())


@pytest.fixture(scope="session")
def serving(running: Running, truth: events.Truth) -> Running:
    """The stack with a model for each arm in service."""
    assert truth.watches
    for label in ("1", "2"):
        publish(running, label, events.LAST_DAY, days=5)
    wait_until(running.ready, "recommendations")
    return running


@pytest.fixture(scope="session")
def whole(serving: Running) -> Running:
    """The whole stack but Grafana; the retrainer has made what was due."""
    serving.stack.scale("retrainer", 1)
    wait_until(lambda: bool(metrics(serving.stack, "retrainer", "retrain_runs_total")), "a retrain")
    return serving


def metrics(stack: Stack, service: str, name: str) -> dict[str, float]:
    """A metric of all containers of a service by its labels, added up; empty before they answer."""
    found: dict[str, float] = {}
    for container in stack.containers(service):
        for line in stack.page(container, 9101, "/metrics").splitlines():
            metric, _, value = line.rpartition(" ")
            if metric.partition("{")[0] == name:
                found[metric] = found.get(metric, 0.0) + float(value)
    return found


def readiness(running: Running) -> list[str]:
    """The page, with its head, on which each replica names its models."""
    replicas = running.stack.containers("recom_service")
    return [running.stack.page(replica, 8082, "/readyz") for replica in replicas]


def publish(running: Running, label: str, until: str, days: int) -> None:
    """Train a model on some days of the log and let it serve."""
    running.stack.python("ml.KNN_recommendation", label, "--until", until, "--days", str(days))


def held(running: Running) -> dict[str, object]:
    """All that the store holds."""
    found: dict[str, object] = json.loads(running.stack.python("tests.stack.traffic.inside", "dump"))
    return found
