"""The log, wherever it is: a file that grows or a Kafka topic, with the same few methods."""

from pathlib import Path

from movielog.follow import FileLog, FileWriter
from movielog.port import Log, LogError, Writer
from movielog.topic import Topic, TopicLog, TopicWriter


def open_log(url: str, group: str, place: str | None = None) -> Log:
    """The log at `file:///path` or `kafka://host:9092,host:9092/topic`, read for `group`.

    It is read on from where the group committed, or from `place`: what an earlier `Log.place()` said, or
    "" for the beginning. A file or broker that is not there yet is waited for. LogError where the URL or the
    place is of neither kind.
    """
    where = _at(url)
    return FileLog(where, group, place) if isinstance(where, Path) else TopicLog(where, group, place)


def open_writer(url: str) -> Writer:
    """The end of the log at a URL as in `open_log`; LogError where it is none or the broker is away."""
    where = _at(url)
    return FileWriter(where) if isinstance(where, Path) else TopicWriter(where)


def _at(url: str) -> Path | Topic:
    """A file, or a topic."""
    path = Path(url.removeprefix("file://"))
    if url.startswith("file://") and path.is_absolute():
        return path
    topic = Topic.at(url)
    if topic is None:
        raise LogError(f"{url!r} is not a log: expected file:///PATH or kafka://HOST:PORT/TOPIC")
    return topic
