"""What the compose file promises of every container, and that both generations of Compose read it."""

import subprocess
import time
from collections import Counter
from typing import Any

import pytest
import requests

from tests.stack.conftest import Running, wait_until
from tests.stack.machine.images import ROOT

pytestmark = pytest.mark.stack
_JOBS = ["ingest", "retrainer", "api_monitor", "model_quality_monitor"]
_DASHBOARDS = ["prometheus", "alertmanager", "api_monitor"]
_UP = ["recom_service", "load_balancer", "mongo", "kafka", "prometheus", "alertmanager", *_JOBS]


@pytest.fixture(scope="module", params=_UP)
def container(request: pytest.FixtureRequest, whole: Running) -> dict[str, Any]:
    """One container of each service that runs."""
    found = whole.stack.containers(request.param)
    assert found, f"{request.param} does not run"
    return found[0]


def test_it_runs_as_an_ordinary_user_who_cannot_become_another(container: dict[str, Any]) -> None:
    assert container["Config"]["User"].partition(":")[0] not in {"", "0", "root"}
    assert container["HostConfig"]["SecurityOpt"] == ["no-new-privileges:true"]
    assert container["HostConfig"]["CapDrop"] == ["ALL"]


def test_its_root_file_system_cannot_be_written(container: dict[str, Any]) -> None:
    done = subprocess.run(
        ["docker", "exec", container["Id"], "sh", "-c", "echo x >/x"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Read-only file system" in done.stderr


def test_its_memory_is_limited_and_it_comes_back_after_a_crash(container: dict[str, Any]) -> None:
    assert 0 < container["HostConfig"]["Memory"] <= 4 * 2**30
    assert container["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped"


def test_it_is_healthy(container: dict[str, Any], running: Running) -> None:
    service = container["Config"]["Labels"]["com.docker.compose.service"]

    def states() -> set[str]:
        return {found["State"]["Health"]["Status"] for found in running.stack.containers(service)}

    wait_until(lambda: states() == {"healthy"}, f"{service} is healthy")


def test_only_nginx_and_the_dashboards_are_reached_from_outside_and_only_from_this_machine(
    container: dict[str, Any],
) -> None:
    service = container["Config"]["Labels"]["com.docker.compose.service"]
    bound = [binding for port in container["NetworkSettings"]["Ports"].values() for binding in port or []]
    assert bool(bound) == (service in {"load_balancer", *_DASHBOARDS})
    assert {binding["HostIp"] for binding in bound} <= {"127.0.0.1"}


def test_the_commit_is_baked_into_the_image(running: Running) -> None:
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True)
    replica = running.stack.containers("recom_service")[0]
    assert running.stack.run(["docker", "exec", replica["Id"], "cat", "GIT_COMMIT"]) == head.stdout


def test_prometheus_asks_every_replica_and_every_job(whole: Running) -> None:
    whole.stack.scale("recom_service", 3)
    expected = Counter(["recom_service"] * 3 + _JOBS) + Counter(
        ingest=1, alertmanager=1
    )  # ingest has two copies

    def asked() -> Counter[str]:
        return Counter(series["job"] for series in _query(whole, "up == 1"))

    wait_until(lambda: asked() == expected, "all are asked")


def test_prometheus_knows_the_rules(whole: Running) -> None:
    assert _prometheus(whole, "rules", {})["groups"]


def _query(running: Running, query: str) -> list[dict[str, str]]:
    """The labels of all series that a query finds."""
    return [series["metric"] for series in _prometheus(running, "query", {"query": query})["result"]]


def _prometheus(running: Running, page: str, parameters: dict[str, str]) -> dict[str, Any]:
    ports = running.stack.containers("prometheus")[0]["NetworkSettings"]["Ports"]
    url = f"http://127.0.0.1:{ports['9090/tcp'][0]['HostPort']}/api/v1/{page}"
    data: dict[str, Any] = requests.get(url, params=parameters, timeout=5).json()["data"]
    return data


@pytest.mark.parametrize("generation", ["first_generation", "second_generation"])
def test_both_generations_of_compose_read_the_file_without_a_word(
    generation: str, request: pytest.FixtureRequest
) -> None:
    stack = request.getfixturevalue(generation).stack
    command = [*stack.command.split(), "--profile", "demo", "--profile", "grafana", "config"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "recom_service:" in done.stdout


def test_compose_2_brings_the_service_up_and_scales_it(second_generation: Running) -> None:
    stack = second_generation.stack
    stack.compose("up", "-d", "--build", "load_balancer")
    for number in (3, 1):
        stack.scale("recom_service", number)
        time.sleep(1)
        assert len(stack.containers("recom_service")) == number

    def alive() -> bool:
        return requests.get(f"{second_generation.url}/healthz", timeout=5).text == "alive"

    wait_until(alive, "the service behind nginx")
    said = requests.get(f"{second_generation.url}/recommend/1", timeout=5)
    assert (said.status_code, "Retry-After" in said.headers) == (503, True)  # no model was published
    stack.down()
    left = stack.run(["docker", "ps", "-aq", "--filter", f"label=com.docker.compose.project={stack.project}"])
    assert not left.split()
