"""A log that is a Kafka topic. librdkafka fetches ahead in threads of its own, which need no interpreter."""

import json
import logging
import socket
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)

from movielog.port import LogError

logger = logging.getLogger(__name__)

_CONNECT_SECONDS = 2
_ANSWER_SECONDS = 10.0
_AT_ONCE = 1_000
"""Messages taken from librdkafka at once: each is an object, of which only the line stays."""
_DELIVERY_SECONDS = 60.0
"""How long a line waits for a broker that is away."""
_SILENT_SECONDS = 60
_CLIENT = {
    "client.id": "marquee",
    "log_level": 1,  # what matters comes by error_cb
    "reconnect.backoff.max.ms": 2_000,
}
_CONSUMER = {
    "auto.offset.reset": "earliest",
    "enable.auto.commit": False,
    "enable.partition.eof": True,
    "allow.auto.create.topics": True,
    "check.crcs": True,
    "heartbeat.interval.ms": 2_000,
    "session.timeout.ms": 6_000,  # how long the partitions of a killed member wait for another one
    "socket.timeout.ms": 15_000,  # the lag is wrong as long where a broker falls silent
    "topic.metadata.refresh.interval.ms": 10_000,  # a topic or partition that was not there
    "queued.max.messages.kbytes": 16_384,
    "fetch.queue.backoff.ms": 20,  # until it fetches again where so much was waiting
}
_PRODUCER = {
    "acks": "all",
    "enable.idempotence": True,
    "linger.ms": 20,
    "delivery.timeout.ms": int(1000 * _DELIVERY_SECONDS),
    "partitioner": "murmur2_random",  # as Kafka's own: another producer puts a user into the same partition
}


@dataclass(frozen=True)
class Topic:
    """Where a topic is."""

    name: str
    servers: tuple[str, ...]

    @classmethod
    def at(cls, url: str) -> Self | None:
        """The topic at `kafka://HOST:PORT,HOST:PORT/TOPIC`; None for another URL."""
        parts = urlsplit(url)
        name = parts.path.removeprefix("/")
        servers = tuple(server if ":" in server else f"{server}:9092" for server in parts.netloc.split(","))
        valid = parts.scheme == "kafka" and parts.netloc and name and "/" not in name and not parts.query
        return cls(name, servers) if valid and all(map(_is_server, servers)) else None

    def __str__(self) -> str:
        return f"kafka://{','.join(self.servers)}/{self.name}"


def _is_server(text: str) -> bool:
    host, _, port = text.rpartition(":")
    return bool(host) and port.isascii() and port.isdigit() and 0 < int(port) < 2**16


class _Broker:
    """What a client is told of its brokers, and what it tells of them: each kind of error once a minute."""

    def __init__(self, topic: Topic) -> None:
        self._topic = topic
        self._silent_until: dict[int, float] = {}
        self.failed = False
        """Whether something failed since this was set to False."""

    def settings(self) -> dict[str, object]:
        """The settings that every client shares."""
        return {**_CLIENT, "bootstrap.servers": ",".join(self._topic.servers), "error_cb": self.complain}

    def complain(self, error: KafkaError) -> None:
        """Something failed, at which librdkafka goes on trying."""
        self.failed = True
        kind, now = error.code(), time.monotonic()
        if now >= self._silent_until.get(kind, now):
            logger.warning("%s: %s", self._topic, error.str())
            self._silent_until[kind] = now + _SILENT_SECONDS


@dataclass(frozen=True)
class TopicChunk:
    """Messages of a topic, one line each, and where they lie in it."""

    topic: str
    lines: Sequence[bytes]
    partitions: Sequence[int]
    offsets: Sequence[int]

    def position(self, number: int) -> str:
        """Topic, partition and offset."""
        return f"{self.topic}/{self.partitions[number]}/{self.offsets[number]}"


class TopicLog:
    """Reads a topic as one member of a consumer group; a broker that is away is asked again and again.

    It is read on from `place`, an offset by partition as JSON, "" for the beginning, or from where the group
    committed where that is None. LogError where it is none.
    """

    def __init__(self, topic: Topic, group: str, place: str | None = None) -> None:
        self._topic = topic
        self._placed = place is not None
        self._next = _offsets(place) if place else {}
        self._assigned: list[int] | None = None
        self._broker = _Broker(topic)
        self._consumer = Consumer({**self._broker.settings(), **_CONSUMER, "group.id": group})
        self._consumer.subscribe([topic.name], on_assign=self._take, on_revoke=self._give, on_lost=self._give)

    def read(self, limit: int, timeout: float) -> TopicChunk:
        """The messages that come within `timeout` seconds, at most `limit`."""
        deadline = time.monotonic() + timeout
        lines: list[bytes] = []
        partitions: list[int] = []
        offsets: list[int] = []
        while len(lines) < limit and (left := deadline - time.monotonic()) > 0:
            found: Sequence[Any] = self._consumer.consume(min(limit - len(lines), _AT_ONCE), left)
            some = [message for message in found if message.error() is None]
            lines += [message.value() or b"" for message in some]
            partitions += (where := [message.partition() for message in some])
            offsets += (places := [message.offset() for message in some])
            self._next |= {partition: offset + 1 for partition, offset in zip(where, places, strict=True)}
            if len(some) < len(found):
                self._hear([message for message in found if message.error() is not None])
        return TopicChunk(self._topic.name, lines, partitions, offsets)

    def _hear(self, news: Sequence[Any]) -> None:
        """Take in errors, and where a partition ends, which may lie behind its last message."""
        for each in news:
            code = each.error().code()
            if code == KafkaError._PARTITION_EOF:
                self._next[each.partition()] = max(each.offset(), self._next.get(each.partition(), 0))
                continue
            self._broker.complain(each.error())
            if code == KafkaError.UNKNOWN_TOPIC_OR_PART:
                self._ask_for_topic()

    def _ask_for_topic(self) -> None:
        """Have the topic made where the broker does that for who asks; to subscribe is not to ask."""
        with suppress(KafkaException):
            self._consumer.list_topics(self._topic.name, timeout=_CONNECT_SECONDS)

    def commit(self) -> None:
        """Everything read so far has been written; where the broker refuses, it comes again."""
        offsets = [TopicPartition(self._topic.name, *place) for place in self._places()]
        try:
            if offsets:
                self._consumer.commit(offsets=offsets, asynchronous=False)
        except KafkaException as error:
            logger.warning("%s: not committed, may be delivered again: %s", self._topic, _said(error))

    def _places(self) -> Iterable[tuple[int, int]]:
        """Of the partitions that are ours: the others' belong to other members by now."""
        return [(each, self._next[each]) for each in self._assigned or () if each in self._next]

    def place(self) -> str:
        """The offset after the last message read, by partition."""
        return json.dumps(self._next)

    def lag(self) -> int | None:
        """Messages of the assigned partitions that were not read yet; None where that is unknown now."""
        if self._assigned is None:
            return None
        try:
            left = sum(map(self._left, self._assigned))
        except KafkaException as error:
            logger.warning("%s: how much is left to read is unknown: %s", self._topic, _said(error))
            return None
        self._broker.failed = False
        return left

    def _left(self, partition: int) -> int:
        where = TopicPartition(self._topic.name, partition)
        begin, end = self._bounds(where)
        return max(0, end - max(begin, self._place_in(where)))

    def _bounds(self, where: TopicPartition) -> tuple[int, int]:
        """A partition's first and next offset, as the last fetch told; asked for, after half a second's
        wait, where a fetch may have failed.
        """
        if not self._broker.failed:
            begin, end = self._consumer.get_watermark_offsets(where, cached=True)
            if end >= 0:
                return begin, end
        asked: tuple[int, int] | None = self._consumer.get_watermark_offsets(where, timeout=_ANSWER_SECONDS)
        if asked is None:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
        return asked

    def _place_in(self, where: TopicPartition) -> int:
        """Where reading stands; below the beginning where nobody has read."""
        if where.partition in self._next or self._placed:
            return self._next.get(where.partition, OFFSET_BEGINNING)
        (committed,) = self._consumer.committed([where], timeout=_ANSWER_SECONDS)
        return committed.offset

    def close(self) -> None:
        """Leave the group."""
        self._consumer.close()

    def _take(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Partitions have become ours: where a place was given they are read on from there."""
        self._assigned = [each.partition for each in partitions]
        logger.info("%s: partitions %s are read here", self._topic, sorted(self._assigned))
        if self._placed:
            for each in partitions:
                each.offset = self._next.get(each.partition, OFFSET_BEGINNING)
            consumer.assign(partitions)

    def _give(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        """Partitions are ours no longer: when they come back, others may have read on."""
        self._assigned = None
        for each in () if self._placed else partitions:
            self._next.pop(each.partition, None)


def _offsets(place: str) -> dict[int, int]:
    try:
        return {int(partition): int(offset) for partition, offset in json.loads(place).items()}
    except (ValueError, TypeError, AttributeError):
        raise LogError(f"{place!r} is no place in a topic") from None


def _said(error: KafkaException) -> str:
    return str(error.args[0].str())


class TopicWriter:
    """Produces to a topic; lines of one user stay in order. LogError where no broker is there."""

    def __init__(self, topic: Topic) -> None:
        _reach(topic)
        self._topic = topic
        self._errors: list[str] = []
        self._producer = Producer({**_Broker(topic).settings(), **_PRODUCER})

    def append(self, lines: Sequence[bytes]) -> None:
        """Hand lines to librdkafka, as fast as it has room for them; LogError where it has none."""
        for line in lines:
            self._append(line)
        self._producer.poll(0)

    def _append(self, line: bytes) -> None:
        deadline = None
        while True:
            try:
                self._producer.produce(self._topic.name, line, _user(line), on_delivery=self._delivered)
                return
            except BufferError:
                deadline = deadline or time.monotonic() + _DELIVERY_SECONDS
                if time.monotonic() > deadline:
                    raise LogError(f"{self._topic} takes no lines") from None
                self._producer.poll(0.1)
            except KafkaException as error:
                raise LogError(
                    f"{self._topic} takes no line of {len(line):,} bytes: {_said(error)}"
                ) from error

    def _delivered(self, error: KafkaError | None, _: Message) -> None:
        if error is not None:
            self._errors.append(error.str())

    def flush(self) -> None:
        """All brokers that keep the topic have what was appended, or LogError."""
        self._producer.flush()
        errors, self._errors = self._errors, []
        if errors:
            raise LogError(f"{self._topic} lost {len(errors)} lines: {errors[0]}")

    def close(self) -> None:
        """Flush, and leave."""
        self.flush()


def _reach(topic: Topic) -> None:
    """LogError where no server listens: librdkafka itself would go on trying."""
    errors = []
    for server in topic.servers:
        host, _, port = server.rpartition(":")
        try:
            socket.create_connection((host, int(port)), _CONNECT_SECONDS).close()
            return
        except OSError as error:
            errors.append(f"{server}: {error.strerror or error}")
    raise LogError(f"{topic} cannot be reached: {'; '.join(errors)}")


def _user(line: bytes) -> bytes | None:
    """The second field, which keeps a user's lines in one partition."""
    return line.split(b",", 2)[1] if line.count(b",") > 1 else None
