"""Real servers for tests marked `real`: started when first asked for, ended with the session.

A test whose part is missing is skipped with the reason, and fails instead where REQUIRE_PARTS names the part.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.servers import database, getting, parts, spark, web
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
def spark_environ(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Variables of a program that uses Spark on loopback."""
    _need("spark")
    return spark.environ(tmp_path_factory.mktemp("spark"))


@pytest.fixture(scope="session")
def spark_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a standalone Spark master with two workers."""
    _need("spark")
    with spark.cluster(tmp_path_factory.mktemp("cluster"), workers=2) as url:
        yield url


Starter = Callable[..., WebServer]


def _starter(name: str, start: Callable[..., Any], folders: pytest.TempPathFactory) -> Iterator[Starter]:
    """Starts servers of a kind, each in a folder of its own, and ends them with the session."""
    _need(name)
    with ExitStack() as running:
        yield lambda *given: running.enter_context(start(folders.mktemp(name), *given))


@pytest.fixture(scope="session")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starter]:
    """Starts nginx on (configuration, port)."""
    yield from _starter("nginx", web.nginx, tmp_path_factory)


@pytest.fixture(scope="session")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starter]:
    """Starts Prometheus on a configuration file."""
    yield from _starter("prometheus", web.prometheus, tmp_path_factory)


@pytest.fixture(scope="session")
def alertmanager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starter]:
    """Starts Alertmanager on (configuration file, URL of an operator's webhook or nothing)."""
    yield from _starter("alertmanager", web.alertmanager, tmp_path_factory)


@pytest.fixture(scope="session")
def promtool() -> str:
    """Path of Prometheus' checker of rules."""
    _need("prometheus")
    return getting.program("promtool")


@pytest.fixture(scope="session")
def amtool() -> str:
    """Path of Alertmanager's checker of configurations."""
    _need("alertmanager")
    return getting.program("amtool")


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
