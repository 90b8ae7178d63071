"""Models are exchanged under load, forth and back."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pytest
import requests

from tests.stack.conftest import Running, publish, readiness, wait_until
from tests.stack.traffic.load import Sample, load

pytestmark = pytest.mark.stack
_USERS = 200

Answers = Mapping[int, tuple[str, str]]
"""The model's name and the whole answer, for each user."""


@dataclass(frozen=True)
class Exchange:
    """What was answered before, during and after a change, which was commanded until Unix time `done`."""

    before: Answers
    during: Sequence[Sample]
    after: Answers
    done: float


def _answers(running: Running) -> Answers:
    asked = {user: requests.get(f"{running.url}/recommend/{user}", timeout=2) for user in range(_USERS)}
    return {user: (answer.headers["X-Model"], answer.text.strip()) for user, answer in asked.items()}


def _exchanged(running: Running, change: Callable[[], object]) -> Exchange:
    """Change the models under load, and give the replicas twenty seconds to follow."""
    before = _answers(running)
    with load(running.url, users=_USERS) as client:
        change()
        done = time.time()
        time.sleep(20)
    return Exchange(before, client.samples, _answers(running), done)


@pytest.fixture(scope="module")
def published(serving: Running) -> Exchange:
    """Four replicas, and another model for arm 2."""
    serving.stack.scale("recom_service", 4)
    wait_until(lambda: all("arm 2" in page for page in readiness(serving)), "four replicas")
    return _exchanged(serving, lambda: publish(serving, "2", "2022-04-07", days=3))


@pytest.fixture(scope="module")
def rolled_back(serving: Running, published: Exchange) -> Exchange:
    """The model before serves again."""
    assert published
    return _exchanged(serving, lambda: serving.stack.python("ml.deploy", "rollback"))


@pytest.fixture(params=["published", "rolled_back"])
def exchange(request: pytest.FixtureRequest) -> Exchange:
    """Each of the changes."""
    found: Exchange = request.getfixturevalue(request.param)
    assert [user for user in found.before if found.before[user] != found.after[user]]
    return found


def test_no_request_fails_or_is_slow_while_models_are_exchanged(exchange: Exchange) -> None:
    assert not [sample for sample in exchange.during if sample.failed or sample.seconds > 0.75]


def test_every_answer_is_of_one_of_the_models_as_a_whole(exchange: Exchange) -> None:
    for sample in exchange.during:
        assert (sample.model, sample.body) in (exchange.before[sample.user], exchange.after[sample.user])


def _late(exchange: Exchange, seconds: float) -> set[tuple[int, str, str]]:
    """Answers to what was asked so long after the command."""
    due = [sample for sample in exchange.during if sample.due > exchange.done + seconds]
    assert len(due) >= _USERS  # everybody was asked
    return {(sample.user, sample.model, sample.body) for sample in due}


def _settled(exchange: Exchange) -> set[tuple[int, str, str]]:
    return {(user, *answer) for user, answer in exchange.after.items()}


def test_a_published_model_serves_everywhere_within_fifteen_seconds(published: Exchange) -> None:
    assert _late(published, 15) <= _settled(published)


def test_a_rollback_takes_effect_everywhere_within_ten_seconds(
    serving: Running, published: Exchange, rolled_back: Exchange
) -> None:
    assert _late(rolled_back, 10) <= _settled(rolled_back)
    assert rolled_back.after == published.before
    assert all("arm 2: KNN_2_2022-04-08" in page for page in readiness(serving))
