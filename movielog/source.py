"""The log, wherever it is: a file that grows or a Kafka topic, with the same few methods."""

import json
import logging
import socket
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

from kafka import ConsumerRebalanceListener, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError
from kafka.structs import MemberState, OffsetAndMetadata

from movielog.follow import FileLog, FileWriter, PlaceError

logger = logging.getLogger(__name__)

_CONNECT_SECONDS = 2
_ANSWER_MS = 10_000
_SESSION_MS = 10_000  # how long the partitions of a killed member wait for another one
_FIRST_DELAY = 0.5
_LONGEST_DELAY = 10.0
_TOLD = {
    "kafka": logging.WARNING,
    "kafka.consumer.subscription_state": logging.INFO,  # which partitions are ours
    "kafka.net.selector": logging.ERROR,  # each time that we work on what was read
}
"""From which level on the driver's own lines are logged: at INFO it tells of every connection and answer."""


class LogError(Exception):
    """What the log could not do, in one sentence."""


class Chunk(Protocol):
    """Some lines of the log, without line breaks."""

    @property
    def lines(self) -> Sequence[bytes]: ...

    def position(self, number: int) -> str:
        """Place of line `number` of this chunk in the log, the same whenever it is read again."""


class Log(Protocol):
    """The log as one group of readers sees it; after a restart, what was not committed is read again."""

    def read(self, limit: int, timeout: float) -> Chunk:
        """At most `limit` lines; an empty chunk where none came within `timeout` seconds."""

    def commit(self, place: str | None = None) -> None:
        """Everything read so far, or up to `place`, has been written: go on from there after a restart."""

    def place(self) -> str:
        """Where reading stands, for those who keep it with what they made of the lines: see `open_log`."""

    def lag(self) -> int | None:
        """What was not read yet: bytes of a file, messages of a topic; None where that is unknown now."""

    def close(self) -> None:
        """Let go of files and connections."""


class Writer(Protocol):
    """The other end of the log."""

    def append(self, lines: Sequence[bytes]) -> None:
        """Append whole lines, given without line breaks."""

    def flush(self) -> None:
        """All that was appended is durable on return."""

    def close(self) -> None:
        """Flush, and let go of files and connections."""


def open_log(url: str, group: str, place: str | None = None) -> Log:
    """The log at `file:///path` or `kafka://host:9092,host:9092/topic`, read for `group`.

    It is read on from where the group committed, or from `place`: what an earlier `Log.place()` said, or
    "" for the beginning. A file or broker that is not there yet is waited for. LogError where the URL or the
    place is of neither kind.
    """
    try:
        if url.startswith("file://"):
            return FileLog(_path(url), group, place)
        return KafkaLog(_topic(url), group, None if place is None else _offsets(place))
    except PlaceError as wrong:
        raise LogError(str(wrong)) from wrong


def open_writer(url: str) -> Writer:
    """The end of the log at a URL as in `open_log`; LogError where it is none or the broker is away."""
    if url.startswith("file://"):
        return FileWriter(_path(url))
    return KafkaWriter(_topic(url))


def _offsets(place: str) -> Mapping[int, int]:
    """The next offset of each partition."""
    try:
        return {int(partition): int(offset) for partition, offset in json.loads(place or "{}").items()}
    except (ValueError, TypeError, AttributeError):
        raise PlaceError(f"{place!r} is no place in a topic") from None


def _path(url: str) -> Path:
    path = Path(url.removeprefix("file://"))
    if not path.is_absolute():
        raise LogError(f"{url!r} is not a log: expected file:///PATH")
    return path


@dataclass(frozen=True)
class Topic:
    """Where a topic is. `api_version` is found out where it is None."""

    name: str
    servers: tuple[str, ...]
    api_version: tuple[int, ...] | None

    def connection(self) -> dict[str, Any]:
        """What every client of kafka-python wants to know; asked for before one is made."""
        _quieten()
        given = {"api_version": self.api_version} if self.api_version else {}
        return given | {
            "bootstrap_servers": list(self.servers),
            "bootstrap_timeout_ms": _ANSWER_MS,
            "reconnect_backoff_max_ms": 2_000,
            "metrics_enabled": False,
        }

    def __str__(self) -> str:
        return f"kafka://{','.join(self.servers)}/{self.name}"


def _topic(url: str) -> Topic:
    parts = urlsplit(url)
    name, query = parts.path.removeprefix("/"), parse_qs(parts.query)
    version = query.pop("api_version", ["0"])[0].split(".")
    servers = tuple(server if ":" in server else f"{server}:9092" for server in parts.netloc.split(","))
    digits = [*version, *(server.rpartition(":")[2] for server in servers)]
    valid = parts.scheme == "kafka" and parts.netloc and name and "/" not in name and not query
    if not valid or not all(number.isascii() and number.isdigit() for number in digits):
        raise LogError(
            f"{url!r} is not a log: expected file:///PATH or kafka://HOST:PORT/TOPIC[?api_version=2.3]"
        )
    return Topic(name, servers, None if version == ["0"] else tuple(map(int, version)))


def _quieten() -> None:
    """Levels that somebody else has set stay."""
    for name, level in _TOLD.items():
        if logging.getLogger(name).level == logging.NOTSET:
            logging.getLogger(name).setLevel(level)


@dataclass(frozen=True)
class KafkaChunk:
    """Messages of a topic, one line each, and where they lie in it."""

    topic: str = ""
    lines: Sequence[bytes] = ()
    partitions: Sequence[int] = ()
    offsets: Sequence[int] = ()

    def position(self, number: int) -> str:
        """Topic, partition and offset."""
        return f"{self.topic}/{self.partitions[number]}/{self.offsets[number]}"


class KafkaLog:
    """Reads a topic as one member of a consumer group; a broker that is away is asked again and again.

    `start` are offsets by partition to go on from, the beginning for those not in it; what the group
    committed where it is None.
    """

    def __init__(self, topic: Topic, group: str, start: Mapping[int, int] | None = None) -> None:
        self._topic = topic
        self._group = group
        self._next = dict(start or {})
        self._listener = None if start is None else _Placed(self)
        self._consumer: KafkaConsumer | None = None
        self._delay, self._next_try = _FIRST_DELAY, 0.0

    def read(self, limit: int, timeout: float) -> KafkaChunk:
        """The messages that come within `timeout` seconds, at most `limit`."""
        deadline = time.monotonic() + timeout
        lines: list[bytes] = []
        partitions: list[int] = []
        offsets: list[int] = []
        time.sleep(max(0.0, min(deadline, self._next_try) - time.monotonic()))
        try:
            while len(lines) < limit and (left := deadline - time.monotonic()) > 0:
                polled = self._connected().poll(int(left * 1000), limit - len(lines))
                for partition, found in polled.items():
                    lines += [record.value or b"" for record in found]
                    partitions += [partition.partition] * len(found)
                    offsets += [record.offset for record in found]
                    self._next[partition.partition] = found[-1].offset + 1
        except (KafkaError, OSError) as error:
            self._failed("read", error)
        return KafkaChunk(self._topic.name, lines, partitions, offsets)

    def commit(self, place: str | None = None) -> None:
        """Everything read so far, or up to `place`, has been written; where the broker refuses, it comes
        again. Partitions that are another member's by now are left to it.
        """
        try:
            if self._consumer:
                offsets = None if place is None else self._assigned(_offsets(place), self._consumer)
                self._consumer.commit(offsets, timeout_ms=_ANSWER_MS)
        except KafkaError as error:
            logger.warning("%s: not committed, may be delivered again: %s", self._topic, error)

    def _assigned(
        self, offsets: Mapping[int, int], consumer: KafkaConsumer
    ) -> dict[TopicPartition, OffsetAndMetadata]:
        assigned = {each.partition: each for each in consumer.assignment()}
        return {
            assigned[partition]: OffsetAndMetadata(offset, "", -1)
            for partition, offset in offsets.items()
            if partition in assigned
        }

    def place(self) -> str:
        """The offset after the last message read, by partition."""
        return json.dumps(self._next)

    def go_on(self, assigned: Iterable[TopicPartition]) -> None:
        """Read partitions on from where reading stands, whatever the group committed."""
        if self._consumer is None:
            return
        for partition in assigned:
            if partition.partition in self._next:
                self._consumer.seek(partition, self._next[partition.partition])
            else:
                self._consumer.seek_to_beginning(partition)

    def lag(self) -> int | None:
        """Messages of the assigned partitions that were not read yet."""
        try:
            return self._lag(self._consumer) if self._consumer else None
        except KafkaError as error:
            logger.warning("%s: how much is left to read is unknown: %s", self._topic, error)
            return None

    def _lag(self, consumer: KafkaConsumer) -> int | None:
        assigned = consumer.assignment()
        if not assigned:
            return 0 if consumer.group_metadata().state == MemberState.STABLE else None
        ends = consumer.end_offsets(assigned, timeout_ms=_ANSWER_MS)
        read = {partition: consumer.position(partition, timeout_ms=_ANSWER_MS) for partition in assigned}
        return (
            None
            if None in read.values()
            else sum(ends[partition] - read[partition] for partition in assigned)
        )

    def close(self) -> None:
        """Leave the group."""
        if self._consumer:
            self._consumer.close(autocommit=False, timeout_ms=_ANSWER_MS)

    def _connected(self) -> KafkaConsumer:
        if self._consumer is None:
            _reach(self._topic)
            self._consumer = KafkaConsumer(
                group_id=self._group,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                session_timeout_ms=_SESSION_MS,
                **self._topic.connection(),
            )
            self._consumer.subscribe([self._topic.name], listener=self._listener)
            self._delay = _FIRST_DELAY
        return self._consumer

    def _failed(self, what: str, error: Exception) -> None:
        logger.warning("%s: cannot %s, next try in %.1f s: %s", self._topic, what, self._delay, error)
        self._next_try = time.monotonic() + self._delay
        self._delay = min(_LONGEST_DELAY, self._delay * 2)


class _Placed(ConsumerRebalanceListener):  # type: ignore[misc]
    """Sets partitions to their log's place when they are assigned."""

    def __init__(self, log: KafkaLog) -> None:
        self._log = log

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Nothing is to be done: the log knows how far it read."""

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self._log.go_on(assigned)


def _reach(topic: Topic) -> None:
    """OSError where no server listens; a client made in vain would leave a thread behind at every try."""
    errors = []
    for server in topic.servers:
        host, _, port = server.rpartition(":")
        try:
            socket.create_connection((host, int(port)), _CONNECT_SECONDS).close()
            return
        except OSError as error:
            errors.append(f"{server}: {error.strerror or error}")
    raise OSError("; ".join(errors))


class KafkaWriter:
    """Produces to a topic; lines of one user stay in order."""

    def __init__(self, topic: Topic) -> None:
        self._topic = topic
        self._errors: list[Exception] = []
        try:
            _reach(topic)
            self._producer = KafkaProducer(acks="all", linger_ms=20, **topic.connection())
        except (KafkaError, OSError) as error:
            raise LogError(f"{topic} cannot be reached: {error}") from error

    def append(self, lines: Sequence[bytes]) -> None:
        """Hand lines to the producer; LogError where it takes no more."""
        try:
            for line in lines:
                sent = self._producer.send(self._topic.name, value=line, key=_user(line))
                sent.add_errback(self._errors.append)
        except KafkaError as error:
            raise LogError(f"{self._topic} takes no lines: {error}") from error

    def flush(self) -> None:
        """All brokers that keep the topic have what was appended, or LogError."""
        try:
            self._producer.flush()
        except KafkaError as error:
            self._errors.append(error)
        errors, self._errors = self._errors, []
        if errors:
            raise LogError(f"{self._topic} lost {len(errors)} lines: {errors[0]}")

    def close(self) -> None:
        """Flush, and leave."""
        try:
            self.flush()
        finally:
            self._producer.close()


def _user(line: bytes) -> bytes | None:
    """The second field, which keeps a user's lines in one partition."""
    return line.split(b",", 2)[1] if line.count(b",") > 1 else None
