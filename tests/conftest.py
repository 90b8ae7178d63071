"""Real servers for tests marked `real`: started when first asked for, ended with the session.

A test whose part is missing is skipped with the reason, and fails instead where REQUIRE_PARTS names the part.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.servers import database, getting, parts, web
from tests.servers.broker import Broker
from tests.servers.web import Webhook, WebServer


def _need(name: str) -> None:
    try:
        parts.find(name)
    except getting.MissingPartError as why:
        if name in parts.chosen("REQUIRE_PARTS"):
            pytest.fail(f"{name} is required: {why}", pytrace=False)
        pytest.skip(f"{name}: {why}")


@pytest.fixture(scope="session")
def kafka_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A running Kafka broker; a test that ends it starts it again."""
    _need("kafka")
    broker = Broker(tmp_path_factory.mktemp("kafka"))
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture(scope="session")
def mongo_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a server of MongoDB's protocol, without a database."""
    _need("mongo")
    with database.server(tmp_path_factory.mktemp("mongo")) as url:
        yield url


@pytest.fixture
def mongo_url(mongo_server: str) -> Iterator[str]:
    """URL of an empty database of the test's own."""
    with database.fresh(mongo_server) as url:
        yield url


@pytest.fixture(scope="session")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str, int], WebServer]]:
    """Starts nginx on (configuration, port)."""
    _need("nginx")
    with ExitStack() as running:
        yield lambda config, port: running.enter_context(
            web.nginx(tmp_path_factory.mktemp("nginx"), config, port)
        )


@pytest.fixture(scope="session")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Path], WebServer]]:
    """Starts Prometheus on a configuration file."""
    _need("prometheus")
    with ExitStack() as running:
        yield lambda config: running.enter_context(
            web.prometheus(tmp_path_factory.mktemp("prometheus"), config)
        )


@pytest.fixture(scope="session")
def alertmanager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Path], WebServer]]:
    """Starts Alertmanager on a configuration file."""
    _need("alertmanager")
    with ExitStack() as running:
        yield lambda config: running.enter_context(
            web.alertmanager(tmp_path_factory.mktemp("alertmanager"), config)
        )


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a Chromium that can be run with `--headless`."""
    _need("chromium")
    return getting.program("chromium", "chromium-browser", "google-chrome")


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    """A running receiver of Alertmanager's notifications."""
    with Webhook() as receiver:
        yield receiver
