"""The service as it runs: gunicorn with two workers."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from store import open_store
from store.port import ModelRef, Window
from tests.service import world
from tests.service.checking import SPLIT, Oracle, given, recorded, served, sound
from tests.service.conftest import copied
from tests.service.running import ROOT, Callers, Service, calling, wait_for
from tests.service.test_holder import corrupt


@pytest.fixture(scope="module")
def folder(trained, tmp_path_factory):
    return copied(trained[0], tmp_path_factory.mktemp("shared"))


@pytest.fixture(scope="module")
def store(folder):
    store = open_store(world.settings(folder).store_url)
    yield store
    store.close()


@pytest.fixture(scope="module")
def running(folder, store, trained):
    """Two workers, shared by the tests of this file."""
    world.route(store, {1: trained[1], 2: trained[1]})
    with Service(folder, WORKERS="2") as service:
        service.wait_until_ready()
        yield service


@pytest.fixture
def service(running, store, early):
    """The early model serves both arms of every worker."""
    world.route(store, {1: early, 2: early})
    wait_for(lambda: follows_everywhere(running, early), running)
    return running


def follows_everywhere(service: Service, ref: ModelRef) -> bool:
    with calling(service, world.USERS) as callers:
        wait_for(lambda: len(callers.responses) > 60, service)
    return {*served(callers)} == {ref.name}


@pytest.fixture
def oracle(store, folder, early, late):
    return Oracle(store, folder / "oracle", early, late)


def test_models_are_exchanged_under_load_without_a_failed_or_mixed_answer(
    service, store, oracle, early, late
):
    start = time.time_ns()
    with calling(service, world.USERS) as callers:
        for models in ({1: early, 2: late}, {1: late, 2: late}, {1: late, 2: early}):
            world.route(store, models)
            wait_for(partial(follows, callers, models), service)
    sound(callers, oracle)
    assert {*served(callers)} == {early.name, late.name}
    wait_for(lambda: len(recorded(store, start)) >= len(callers.responses), service)
    assert recorded(store, start) == given(callers)


def follows(callers: Callers, models: dict[int, ModelRef]) -> bool:
    """Whether the last hundred answers are all by these models."""
    last = callers.responses[-100:]
    return len(last) == 100 and all(
        response.headers["X-Model"] == models[SPLIT.arm(response.user)].name for response in last
    )


def test_a_corrupted_model_is_refused_while_the_old_one_goes_on(service, store, folder, oracle, early):
    broken = world.train(store, "KNN_2_2022-01-14", Window(world.EARLY.start, world.LATE.start), folder / "m")
    corrupt(folder, broken)
    with calling(service, world.USERS) as callers:
        world.route(store, {1: broken, 2: broken})
        wait_for(lambda: service.metric("recommend_models_refused_total") == 2, service)
    sound(callers, oracle)
    assert {*served(callers)} == {early.name}
    assert service.get("/readyz")[0] == 200
    assert service.log.count(f"{broken.name} is refused") == 2


def test_a_locked_store_holds_nobody_up(service, folder, oracle, store):
    start = time.time_ns()
    lock = sqlite3.connect(folder / "marquee.db", isolation_level=None)
    lock.execute("BEGIN EXCLUSIVE")
    with calling(service, world.USERS) as callers:
        wait_for(lambda: len(callers.responses) > 600, service)
    lock.execute("ROLLBACK")
    lock.close()
    sound(callers, oracle)
    wait_for(lambda: len(recorded(store, start)) >= len(callers.responses), service)
    assert recorded(store, start) == given(callers)


def test_metrics_add_up_over_workers_also_after_one_was_killed(service):
    wrong, right = counted(service)
    for path in ("/recommend/abc", "/recommend/1/2"):
        service.get(path)
    with calling(service, world.USERS) as callers:
        wait_for(lambda: len(callers.responses) > 300, service)
    right += len(callers.responses)
    assert counted(service) == (wrong + 2, right)
    victim = min(service.workers())
    os.kill(victim, signal.SIGKILL)
    wait_for(lambda: len(service.workers()) == 2 and victim not in service.workers(), service)
    with calling(service, world.USERS) as more:
        wait_for(lambda: len(more.responses) > 300, service)
    right += len(more.responses)
    assert more.failures == []
    assert counted(service) == (wrong + 2, right)
    assert service.metric("recommend_latency_seconds_count") == wrong + 2 + right
    assert 0 < service.metric('recommend_latency_seconds_bucket{le="0.75"}') <= wrong + 2 + right


def counted(service: Service) -> tuple[float, float]:
    """Requests that were wrong and requests that were answered."""
    total = service.metric("recommend_requests_total{")
    wrong = service.metric('recommend_requests_total{arm="",rung="",status="4xx"}')
    return wrong, total - wrong


def test_all_workers_map_the_same_files(service, early):
    maps = [Path(f"/proc/{worker}/maps").read_text().splitlines() for worker in service.workers()]
    arrays = [[line.split() for line in lines if f"/{early.digest}/" in line] for lines in maps]
    assert len(arrays) == 2
    assert {line[-1] for line in arrays[0]} == {line[-1] for line in arrays[1]} != set()
    assert {line[1] for lines in arrays for line in lines} <= {"r--s", "r--p"}


@pytest.mark.parametrize(
    ("variable", "value"),
    [("SPLIT", "coin"), ("WORKER_CLASS", "fast")],
)
def test_a_bad_setting_ends_the_start_with_one_sentence(tmp_path, variable, value):
    gunicorn = Path(sys.executable).with_name("gunicorn")
    ended = subprocess.run(
        [gunicorn, "-c", "service/gunicorn_conf.py"],
        cwd=ROOT,
        env=os.environ | {"STORE_URL": f"sqlite://{tmp_path}/marquee.db", variable: value},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 2
    assert value in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
