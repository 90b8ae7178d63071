"""From a real broker to the store, with a copy of ingest killed and the broker restarted on the way."""

from typing import Any

import pytest

from tests.stack.conftest import LINES, Running, held
from tests.stack.traffic.events import Truth

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def store(running: Running, truth: Truth) -> dict[str, Any]:
    """All that the store holds after the whole log was read."""
    assert truth
    return held(running)


@pytest.mark.parametrize("kind", ["watches", "ratings", "requests"])
def test_the_store_holds_exactly_what_the_log_says(kind: str, store: dict[str, Any], truth: Truth) -> None:
    rows = [tuple(row) for row in store[kind]]
    assert len(rows) == len(set(rows))
    assert set(rows) == getattr(truth, kind)


def test_every_damaged_line_is_in_quarantine_once(store: dict[str, Any], truth: Truth) -> None:
    assert store["malformed"] == truth.malformed > LINES / 200
