from collections.abc import Iterator
from pathlib import Path

import pytest

from store.port import Store
from tests.ml.provenance import world
from tests.ml.provenance.world import Past


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The first test that asks for three runs of DVC waits for them, which takes long on a busy machine."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.timeout(400))


@pytest.fixture(scope="session")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Past:
    """The past that all tests share; never changed, tests copy it."""
    return world.make(tmp_path_factory.mktemp("past"))


@pytest.fixture
def past(untouched: Past, tmp_path: Path) -> Past:
    """The test's own past."""
    return untouched.copied(tmp_path)


@pytest.fixture
def store(past: Past) -> Iterator[Store]:
    store = past.store()
    yield store
    store.close()
