import logging
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from confluent_kafka import Producer

from movielog.port import Log, LogError
from movielog.source import open_log, open_writer
from tests.servers.broker import Broker
from tests.servers.process import free_port

LINES = [b"2022-02-23T19:40:32,%d,GET /data/m/up+2009/%d.mpg" % (n % 7, n // 7) for n in range(300)]


@pytest.fixture(scope="module")
def mock_server() -> Iterator[str]:
    """Address of librdkafka's mock cluster, which lives as long as its producer; topics have 4 partitions."""
    producer = Producer({"bootstrap.servers": "unused:1", "test.mock.num.brokers": 1})
    (broker,) = producer.list_topics(timeout=10).brokers.values()
    yield f"{broker.host}:{broker.port}"
    producer.flush(10)


@pytest.fixture
def mock_url(mock_server: str, request: pytest.FixtureRequest) -> str:
    """A topic of the test's own."""
    return f"kafka://{mock_server}/{request.node.name}"


@pytest.fixture
def broker_url(kafka_broker: Broker) -> str:
    return f"kafka://{kafka_broker.bootstrap}/{kafka_broker.make_topic(4)}"


def write(url: str, lines: list[bytes]) -> None:
    writer = open_writer(url)
    writer.append(lines)
    writer.close()


def read(log: Log, number: int, seconds: float = 30) -> dict[str, bytes]:
    """So many lines by position, or as many as came in time."""
    deadline, found = time.monotonic() + seconds, dict[str, bytes]()
    while len(found) < number and time.monotonic() < deadline:
        chunk = log.read(number - len(found), 0.2)
        found |= {chunk.position(i): line for i, line in enumerate(chunk.lines)}
    return found


def test_the_log_tells_which_partitions_are_ours(mock_url: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    write(mock_url, LINES[:10])
    log = open_log(mock_url, "group")
    assert len(read(log, 10)) == 10
    log.close()
    assert caplog.messages == [f"{mock_url}: partitions [0, 1, 2, 3] are read here"]


def eventually(condition: Callable[[], bool], seconds: float = 30) -> bool:
    deadline = time.monotonic() + seconds
    while not (met := condition()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return met


@pytest.mark.parametrize(
    "url",
    [
        "movielog.log",
        "file://relative/path",
        "http://host:9092/topic",
        "kafka://host:9092",
        "kafka:///topic",
        "kafka://host:port/topic",
        "kafka://host:65536/topic",
        "kafka://host:9092,/topic",
        "kafka://host:9092/a/b",
        "kafka://host:9092/topic?acks=0",
    ],
)
def test_what_is_no_log_is_refused_with_a_sentence(url: str) -> None:
    for opening in (lambda: open_log(url, "g"), lambda: open_writer(url)):
        with pytest.raises(LogError, match="is not a log: expected"):
            opening()


def test_a_files_lines_are_read_as_they_were_written(tmp_path: Path) -> None:
    url = f"file://{tmp_path}/new/movielog.log"
    write(url, LINES)
    assert list(read(open_log(url, "g"), len(LINES)).values()) == LINES


def test_what_was_not_committed_is_delivered_again(mock_url: str) -> None:
    write(mock_url, LINES)
    log = open_log(mock_url, "g")
    written = read(log, 120)
    log.commit()
    unwritten = read(log, 50)
    assert log.lag() == len(LINES) - 170
    log.close()
    again = open_log(mock_url, "g")
    found = read(again, len(LINES) - 120)
    assert again.lag() == 0
    again.close()
    assert found.keys() >= unwritten.keys()
    assert not found.keys() & written.keys()
    assert Counter([*written.values(), *found.values()]) == Counter(LINES)


def test_reading_goes_on_from_a_given_place_whatever_was_committed(mock_url: str) -> None:
    write(mock_url, LINES)
    log = open_log(mock_url, "g", "")
    first = read(log, 120)
    place = log.place()
    more = read(log, 100)
    log.commit()
    log.close()
    again = open_log(mock_url, "g", place)
    found = read(again, len(LINES) - 120)
    again.close()
    assert found.keys() >= more.keys()
    assert sorted([*first.values(), *found.values()]) == sorted(LINES)
    anew = open_log(mock_url, "g", "")
    assert sorted(read(anew, len(LINES)).values()) == sorted(LINES)
    anew.close()


def test_a_file_is_read_on_from_a_given_place_whatever_was_committed(tmp_path: Path) -> None:
    url = f"file://{tmp_path}/movielog.log"
    write(url, LINES)
    log = open_log(url, "g", "")
    read(log, 120)
    place = log.place()
    read(log, 100)
    log.commit()
    assert list(read(open_log(url, "g", place), len(LINES) - 120).values()) == LINES[120:]
    assert list(read(open_log(url, "g", ""), len(LINES)).values()) == LINES


def test_a_place_outlives_a_rotation_of_the_file(tmp_path: Path) -> None:
    url = f"file://{tmp_path}/movielog.log"
    write(url, LINES[:100])
    log = open_log(url, "g", "")
    read(log, 60)
    place = log.place()
    (tmp_path / "movielog.log").rename(tmp_path / "movielog.log.1")
    write(url, LINES[100:])
    assert list(read(open_log(url, "g", place), len(LINES) - 60).values()) == LINES[60:]


@pytest.mark.parametrize("url", ["file:///tmp/movielog.log", "kafka://host:9092/topic"])
def test_what_is_no_place_is_refused_with_a_sentence(url: str) -> None:
    for place in ("7", "nonsense", '{"a": "b"}'):
        with pytest.raises(LogError, match="is no place in"):
            open_log(url, "g", place)


def test_a_line_that_no_topic_takes_is_refused_with_a_sentence(mock_url: str) -> None:
    with pytest.raises(LogError, match=r"takes no line of 3,000,000 bytes: .*too large"):
        write(mock_url, [b"1" * 3_000_000])


def test_a_users_lines_stay_in_order_in_one_partition(mock_url: str) -> None:
    write(mock_url, [*LINES, b"damaged"])
    log = open_log(mock_url, "h")
    found = read(log, len(LINES) + 1)
    log.close()
    places, order = defaultdict(set), defaultdict(list)
    for position, line in found.items():
        if line != b"damaged":
            places[line.split(b",")[1]].add(position.split("/")[1])
            order[line.split(b",")[1]].append(line)
    assert [len(partitions) for partitions in places.values()] == [1] * 7
    assert len({partition for partitions in places.values() for partition in partitions}) > 1
    assert all(
        lines == [line for line in LINES if line.split(b",")[1] == user] for user, lines in order.items()
    )


def test_a_topic_that_is_not_there_yet_is_asked_for(mock_url: str) -> None:
    with closing(open_log(mock_url, "g")) as log:
        assert eventually(lambda: not log.read(1, 0.2).lines and log.lag() == 0)


def test_a_broker_that_is_away_is_said_and_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    url = f"kafka://127.0.0.1:{free_port()}/movielog"
    log = open_log(url, "g")
    with caplog.at_level(logging.WARNING):
        assert [list(log.read(1, 0.3).lines) for _ in range(3)] == [[], [], []]
    assert log.lag() is None
    log.commit()
    log.close()
    assert 1 <= len(caplog.records) <= 2
    assert url in caplog.text and "Connection refused" in caplog.text
    with pytest.raises(LogError, match="cannot be reached"):
        open_writer(url)


@pytest.mark.real
def test_a_broker_that_comes_later_or_comes_back_is_read_on(kafka_broker: Broker, broker_url: str) -> None:
    kafka_broker.kill()
    log = open_log(broker_url, "g")
    assert read(log, 1, 1) == {}
    kafka_broker.start()
    write(broker_url, LINES[:100])
    first = read(log, 100)
    log.commit()
    kafka_broker.kill()
    assert read(log, 1, 1) == {}
    log.commit()
    kafka_broker.start()
    write(broker_url, LINES[100:])
    second = read(log, 200)
    assert eventually(lambda: log.lag() == 0)
    log.close()
    assert Counter([*first.values(), *second.values()]) == Counter(LINES)


@pytest.mark.real
def test_members_share_a_topic_and_a_lost_commit_is_only_delivered_again(broker_url: str) -> None:
    write(broker_url, LINES)
    first = open_log(broker_url, "g")
    taken = read(first, len(LINES))
    second = open_log(broker_url, "g")
    shared = dict[str, bytes]()
    thread = threading.Thread(target=lambda: shared.update(read(second, 40)))
    thread.start()
    while (
        thread.is_alive()
    ):  # the first member takes part in the rebalance and gives partitions away, uncommitted
        taken |= read(first, 1, 0.5)
    first.commit()
    second.commit()
    assert set(shared) <= set(taken) and shared
    first.close()
    second.close()
    assert Counter(taken.values()) == Counter(LINES)


@pytest.mark.real
def test_partitions_that_come_back_are_read_on_from_where_another_member_was(broker_url: str) -> None:
    write(broker_url, LINES[:100])
    first = open_log(broker_url, "g")
    before = read(first, 100)
    first.commit()
    second = open_log(broker_url, "g")
    assert eventually(lambda: first.read(1, 0.2).lines == second.read(1, 0.2).lines and second.lag() == 0)
    write(broker_url, LINES[100:])
    seconds = read(second, len(LINES), 5)
    second.commit()
    second.close()
    rest = read(first, len(LINES) - 100 - len(seconds))
    assert eventually(lambda: not first.read(1, 0.2).lines and first.lag() == 0)
    first.commit()
    first.close()
    assert seconds and Counter([*before.values(), *seconds.values(), *rest.values()]) == Counter(LINES)
    with closing(open_log(broker_url, "g")) as again:
        assert read(again, 1, 5) == {}
        assert again.lag() == 0


@pytest.mark.real
def test_a_topic_whose_last_record_is_no_line_comes_to_an_end(kafka_broker: Broker, broker_url: str) -> None:
    settings = {"bootstrap.servers": kafka_broker.bootstrap, "transactional.id": "site"}
    producer = Producer(settings)
    producer.init_transactions(30)
    producer.begin_transaction()
    for line in LINES[:20]:
        producer.produce(broker_url.rpartition("/")[2], line)
    producer.commit_transaction(30)  # leaves a marker behind the lines
    with closing(open_log(broker_url, "g")) as log:
        assert Counter(read(log, 20).values()) == Counter(LINES[:20])
        assert eventually(lambda: not log.read(1, 0.2).lines and log.lag() == 0)
