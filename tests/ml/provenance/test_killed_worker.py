"""The service's workers are killed with answers in their memory: all that was answered is accounted for."""

import os
import random
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice

import pytest

from ml.provenance.reproduce import reproduce, reproduce_unrecorded
from ml.provenance.served import Served, likely_models, served
from movielog.audience.caller import Caller
from movielog.events import Requested
from store.port import Batch, Store, Window
from tests.ml.provenance.world import ARM, Past
from tests.service.running import Service
from tests.service.world import UNKNOWN_USER, USERS

CALLERS = 4


@pytest.fixture
def service(past: Past, store: Store) -> Iterator[Service]:
    for ref in past.refs:
        store.save_model(ref, past.folder / "kept" / ref.digest)
    with Service(past.folder, WORKERS="2") as service:
        service.wait_until_ready()
        yield service


def _ask(service: Service, seed: int, count: int) -> list[Requested]:
    """What a caller saw that asked for so many users, one after the other.

    No two callers ask for the same user: two equal lines of one millisecond would be one event.
    """
    caller = Caller(f"http://127.0.0.1:{service.port}", 5.0, 1)
    users = [*USERS[seed::CALLERS], UNKNOWN_USER + seed]
    random.Random(seed).shuffle(users)
    return [caller.ask(user).request for user in islice(cycle(users), count)]


def _asked(service: Service, count: int) -> list[Requested]:
    with ThreadPoolExecutor(CALLERS) as callers:
        lists = callers.map(_ask, [service] * CALLERS, range(CALLERS), [count] * CALLERS)
        return [request for requests in lists for request in requests]


def _accounts(store: Store, lines: list[Requested]) -> list[Served]:
    users = {line.user for line in lines}
    return [
        one for user in sorted(users) for one in served(store, user, Window(lines[0].time - 10**10, 2**62))
    ]


def test_answers_that_died_with_the_workers_are_traced_and_made_again(
    past: Past, store: Store, service: Service
) -> None:
    lines = _asked(service, 100)
    for worker in service.workers():
        os.kill(worker, signal.SIGKILL)
    service.wait_until_ready()
    lines += _asked(service, 20)
    service.__exit__()
    answered = [line for line in lines if line.status == 200]
    store.record(Batch(requests=lines))

    known = _accounts(store, answered)
    lost = [each for each in known if each.answer is None]

    assert sorted(each.request for each in known if each.request) == sorted(answered)
    assert 0 < len(lost) < len(answered)
    kept = [each.answer for each in known if each.answer]
    assert all(not found.differences for found in reproduce(past.archive(), kept))
    for each in islice(lost, 5):
        models = likely_models(store.routes(), ARM(each.user), each.asked)
        assert models == [past.early if ARM(each.user) == 1 else past.later]
        (found,) = reproduce_unrecorded(past.archive(), each, models, store.history(each.user))
        assert not found.differences
