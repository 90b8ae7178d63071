"""What runs beside the answers: the retrainer with its repository, the monitors with their figures."""

import json
import subprocess
from collections import Counter

import pytest
import requests

from tests.stack.conftest import Running, metrics, wait_until
from tests.stack.machine.images import ROOT
from tests.stack.traffic.events import LAST_DAY, Truth

pytestmark = pytest.mark.stack
_PROVENANCE = "/var/lib/marquee/provenance"


def _in_retrainer(running: Running, *command: str) -> str:
    retrainer = running.stack.containers("retrainer")[0]
    return running.stack.run(["docker", "exec", retrainer["Id"], *command])


def _shown(running: Running, name: str) -> dict[str, float]:
    return metrics(running.stack, "retrainer", name)


def _runs(running: Running) -> list[str]:
    return _in_retrainer(running, "git", "-C", _PROVENANCE, "tag").split()


def test_the_retrainer_made_what_was_due_from_the_images_own_commit(whole: Running) -> None:
    (run,) = _runs(whole)
    name = f"KNN_2_{LAST_DAY}"
    assert run.startswith(f"{name}@")
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True)
    data = json.loads(_in_retrainer(whole, "cat", f"{_PROVENANCE}/{name}/data.json"))
    assert (data["commit"], data["dirty"]) == (head.stdout.strip(), False)


def test_what_the_retrainer_made_is_pushed_and_survives_its_container(whole: Running) -> None:
    wait_until(
        lambda: set(metrics(whole.stack, "retrainer", "provenance_backlog").values()) == {0.0},
        "all is pushed",
    )
    before = _runs(whole)
    whole.stack.scale("retrainer", 0)
    whole.stack.scale("retrainer", 1)
    wait_until(lambda: bool(_shown(whole, "retrain_runs_total")), "the new one knows of the run")
    assert _runs(whole) == before
    assert _in_retrainer(whole, "find", "/var/lib/marquee/remote", "-type", "f").split()


def test_the_monitor_counts_the_requests_that_the_log_tells(whole: Running, truth: Truth) -> None:
    expected = Counter(f'movielog_requests_total{{status="{request[3]}"}}' for request in truth.requests)
    wait_until(
        lambda: metrics(whole.stack, "api_monitor", "movielog_requests_total") == expected, "all are counted"
    )


def test_the_status_page_is_published_and_explains_what_a_replica_answers(whole: Running) -> None:
    ports = whole.stack.containers("api_monitor")[0]["NetworkSettings"]["Ports"]
    url = f"http://127.0.0.1:{ports['9101/tcp'][0]['HostPort']}/status"
    page = requests.get(url, timeout=5)
    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    answer = requests.get(f"{whole.url}/recommend/1", timeout=5)
    told = requests.get(f"{url}/explain/1", timeout=5).json()
    assert told["model"] == answer.headers["X-Model"]
    assert [movie["movie"] for movie in told["movies"]] == answer.text.split(",")
