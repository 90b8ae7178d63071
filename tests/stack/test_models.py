"""A model is exchanged under load."""

import time

import pytest
import requests

from tests.stack.conftest import Running, publish
from tests.stack.traffic.load import load

pytestmark = pytest.mark.stack
_USERS = 200


def _answers(running: Running) -> dict[int, tuple[str, str]]:
    """The model's name and the whole answer, for each user."""
    asked = {user: requests.get(f"{running.url}/recommend/{user}", timeout=2) for user in range(_USERS)}
    return {user: (answer.headers["X-Model"], answer.text.strip()) for user, answer in asked.items()}


def test_a_model_published_under_load_serves_everywhere_soon_and_never_halfway(serving: Running) -> None:
    serving.stack.scale("recom_service", 4)
    time.sleep(5)
    before = _answers(serving)
    with load(serving.url, users=_USERS) as client:
        publish(serving, "2", "2022-04-07", days=3)
        published = time.time()
        time.sleep(20)
    after = _answers(serving)
    changed = [user for user in before if before[user] != after[user]]
    assert changed
    assert not [sample for sample in client.samples if sample.failed or sample.seconds > 0.75]
    for sample in client.samples:
        assert (sample.model, sample.body) in (before[sample.user], after[sample.user])
    late = [sample for sample in client.samples if sample.due > published + 15]
    assert late
    assert all((sample.model, sample.body) == after[sample.user] for sample in late)
