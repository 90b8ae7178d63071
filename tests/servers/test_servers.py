"""The servers that other tests stand on do what those tests take for granted."""

import subprocess
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import prometheus_client
import pytest
import requests
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition
from pymongo import MongoClient, UpdateOne

from tests.servers import parts
from tests.servers.broker import Broker
from tests.servers.process import Server, ServerStartError, free_port, listens
from tests.servers.web import Webhook, WebServer

pytestmark = pytest.mark.real


@pytest.mark.parametrize("name", parts.chosen("REQUIRE_PARTS"))
def test_every_required_part_is_there(name: str) -> None:
    assert parts.find(name)


def _messages(broker: Broker, topic: str, partitions: int, number: int) -> list[bytes]:
    """So many, or as many as come within some seconds."""
    consumer = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": "none"})
    consumer.assign([TopicPartition(topic, each, OFFSET_BEGINNING) for each in range(partitions)])
    found = consumer.consume(number, 20)
    consumer.close()
    return [message.value() or b"" for message in found]


def test_a_killed_broker_keeps_every_message_that_it_acknowledged(kafka_broker: Broker) -> None:
    topic, sent = kafka_broker.make_topic(partitions=4), [b"%d" % number for number in range(10_000)]
    producer, refused = Producer({"bootstrap.servers": kafka_broker.bootstrap, "acks": "all"}), list[object]()
    for value in sent:
        producer.produce(topic, value, on_delivery=lambda error, _: refused.append(error) if error else None)
    assert producer.flush(30) == 0 and not refused

    kafka_broker.kill()
    assert not listens(int(kafka_broker.bootstrap.split(":")[1]))
    kafka_broker.start()

    assert sorted(_messages(kafka_broker, topic, 4, len(sent)), key=int) == sent


def test_a_database_that_is_asked_twice_to_upsert_holds_one_record(mongo_url: str) -> None:
    with MongoClient[dict[str, Any]](mongo_url) as client:
        records = client.get_default_database()["records"]
        upserts = [
            UpdateOne({"_id": f"{number % 500}"}, {"$max": {"last": number}}, upsert=True)
            for number in range(1000)
        ]
        records.bulk_write(upserts)
        records.bulk_write(upserts[:500])
        assert records.count_documents({}) == 500
        assert sum(record["last"] for record in records.find()) == sum(range(500, 1000))


def test_every_test_gets_an_empty_database(mongo_url: str) -> None:
    with MongoClient[dict[str, Any]](mongo_url) as client:
        assert client.get_default_database().list_collection_names() == []


def test_nginx_passes_requests_on(nginx: Callable[[str, int], WebServer], webhook: Webhook) -> None:
    port = free_port()
    config = f"""
        pid /nowhere/nginx.pid;
        events {{}}
        http {{
            access_log off;
            server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass {webhook.url}; }} }}
        }}"""
    assert requests.post(nginx(config, port).url, json={"through": "nginx"}, timeout=5).status_code == 200
    assert webhook.notifications == [{"through": "nginx"}]


def test_a_server_that_does_not_come_up_says_why(nginx: Callable[[str, int], WebServer]) -> None:
    with pytest.raises(ServerStartError, match='unknown directive "no_such_directive"'):
        nginx("no_such_directive on; events {}", free_port())


def _until(question: Callable[[], Iterable[Any]], seconds: float = 30) -> list[Any]:
    """The first answer that is not empty."""
    deadline = monotonic() + seconds
    while not (answer := list(question())) and monotonic() < deadline:
        sleep(0.1)
    return answer


def test_prometheus_scrapes_a_target(prometheus: Callable[[Path], WebServer], tmp_path: Path) -> None:
    registry = prometheus_client.CollectorRegistry()
    prometheus_client.Gauge("marquee_answer", "What to expect", registry=registry).set(42)
    target, thread = prometheus_client.start_http_server(0, "127.0.0.1", registry)
    config = tmp_path / "prometheus.yml"
    config.write_text(
        "scrape_configs: [{job_name: marquee, scrape_interval: 200ms, scrape_timeout: 200ms,"
        f" static_configs: [{{targets: ['127.0.0.1:{target.server_port}']}}]}}]"
    )
    server = prometheus(config)

    def series() -> list[Any]:
        answer = requests.get(f"{server.url}/api/v1/query", {"query": "marquee_answer"}, timeout=5)
        return list(answer.json()["data"]["result"])

    assert [each["value"][1] for each in _until(series)] == ["42"]
    target.shutdown()
    thread.join()


def test_alertmanager_notifies_the_webhook(
    alertmanager: Callable[[Path], WebServer], webhook: Webhook, tmp_path: Path
) -> None:
    config = tmp_path / "alertmanager.yml"
    config.write_text(
        "route: {receiver: hook, group_wait: 0s}\n"
        f"receivers: [{{name: hook, webhook_configs: [{{url: '{webhook.url}'}}]}}]"
    )
    alert = {"labels": {"alertname": "TooSlow"}, "startsAt": datetime.now(UTC).isoformat()}
    requests.post(f"{alertmanager(config).url}/api/v2/alerts", json=[alert], timeout=5).raise_for_status()
    said = webhook.wait_for(lambda notification: notification["status"] == "firing")
    assert [each["labels"]["alertname"] for each in said["alerts"]] == ["TooSlow"]


def test_chromium_renders_a_page(chromium: str, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<p id=x></p><script>document.getElementById('x').textContent = 6 * 7</script>")
    command = [
        chromium,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={tmp_path / 'profile'}",
    ]
    shown = subprocess.run(
        [*command, "--dump-dom", page.as_uri()], capture_output=True, text=True, timeout=60, check=True
    )
    assert '<p id="x">42</p>' in shown.stdout


def test_a_stopped_server_can_be_started_again(tmp_path: Path) -> None:
    port = free_port()
    server = Server(["python3", "-m", "http.server", str(port)], tmp_path / "http.log", lambda: listens(port))
    for end in (server.stop, server.kill):
        server.start()
        assert listens(port)
        end()
        assert not listens(port)
