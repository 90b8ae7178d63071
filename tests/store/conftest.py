"""The adapters under the contract: SQLite always, MongoDB's protocol where a server is there."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pymongo import MongoClient

from store import open_store
from store.port import Store
from tests.fakes import MemoryStore

_MONGO = pytest.param("mongo", marks=pytest.mark.real)


def _url(adapter: str, request: pytest.FixtureRequest, folder: Path) -> str:
    return (
        request.getfixturevalue("mongo_url") if adapter == "mongo" else f"sqlite://{folder}/deep/marquee.db"
    )


@pytest.fixture(params=["sqlite", _MONGO])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where an empty store is, for tests with several processes."""
    return _url(request.param, request, tmp_path)


@pytest.fixture
def atomic_url(url: str) -> str:
    """Where an empty store is on a server that updates a document in one step."""
    if url.startswith("mongodb"):
        with MongoClient[dict[str, object]](url) as client:
            if "ferretdbVersion" in client.server_info():
                pytest.skip("FerretDB reads a document and writes it in two steps: updates at once are lost")
    return url


@pytest.fixture(params=["memory", "sqlite", _MONGO])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store; the one in memory is here because other tests compare with it."""
    store = _opened(request.param, request, tmp_path)
    yield store
    store.close()


def _opened(adapter: str, request: pytest.FixtureRequest, folder: Path) -> Store:
    if adapter == "memory":
        return MemoryStore()
    url = _url(adapter, request, folder)
    return open_store(url)
