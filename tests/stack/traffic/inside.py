"""What the tests run in a container inside the stack: write to the log, print what log and store hold."""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import pandas as pd
from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from movielog.events import SECOND
from movielog.ingest import GROUP
from movielog.source import open_writer
from settings import Settings, read_settings
from store import open_store
from store.port import Window

_ALWAYS = Window(0, 2**63 - 1)
_PATIENCE = 30


def _write(settings: Settings) -> None:
    """The lines of standard input, each followed by a line break, to the log."""
    lines = sys.stdin.buffer.read().split(b"\n")[:-1]
    writer = open_writer(settings.movielog_url)
    writer.append(lines)
    writer.close()


def _patiently(ask: Callable[[Settings], None], settings: Settings) -> None:
    """Ask again while the broker cannot tell, as after its restart; KafkaException after half a minute."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            return ask(settings)
        except KafkaException:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def _lag(settings: Settings) -> None:
    """How many messages of the topic are not yet committed by ingest."""
    topic, admin = urlsplit(settings.movielog_url).path.removeprefix("/"), _admin(settings)
    listed = admin.list_topics(topic, _PATIENCE).topics[topic].partitions
    partitions = [TopicPartition(topic, number) for number in listed]
    ends = admin.list_offsets(dict.fromkeys(partitions, OffsetSpec.latest()))
    asked = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(GROUP, partitions)])
    committed = asked[GROUP].result(_PATIENCE).topic_partitions
    print(sum(ends[each].result(_PATIENCE).offset - max(0, each.offset) for each in committed))


def _members(settings: Settings) -> None:
    """How many partitions each member of ingest's group has, one number a line."""
    admin = _admin(settings)
    described = admin.describe_consumer_groups([GROUP])[GROUP].result(_PATIENCE)
    for member in described.members:  # they have none while the group shares out
        print(len(member.assignment.topic_partitions))


def _admin(settings: Settings) -> AdminClient:
    return AdminClient({"bootstrap.servers": urlsplit(settings.movielog_url).netloc})


def _dump(settings: Settings) -> None:
    """All rows of the store as JSON, times in seconds, in the order of `events.Truth`."""
    store = open_store(settings.store_url)
    watches, ratings, requests = store.watches(_ALWAYS), store.ratings(_ALWAYS), store.requests(_ALWAYS)
    minutes = ["first_minute", "last_minute", "minutes"]
    held = {
        "watches": _rows(watches, ["user", "movie", "first_time", "last_time", *minutes]),
        "ratings": _rows(ratings, ["user", "movie", "time", "rating"]),
        "requests": _rows(requests, ["user", "time", "server", "status", "millis", "movies"]),
        "malformed": sum(1 for _ in store.quarantined()),
    }
    print(json.dumps(held))


def _rows(frame: pd.DataFrame, columns: Sequence[str]) -> list[list[Any]]:
    seconds = {name: frame[name] // SECOND for name in columns if name.endswith("time")}
    rows: list[list[Any]] = frame.assign(**seconds)[list(columns)].astype(object).to_numpy().tolist()
    return rows


_COMMANDS = {
    "write": _write,
    "lag": partial(_patiently, _lag),
    "members": partial(_patiently, _members),
    "dump": _dump,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Do one of them with the settings of the container."""
    parser = argparse.ArgumentParser(prog="python -m tests.stack.traffic.inside", description=__doc__)
    parser.add_argument("command", choices=_COMMANDS)
    _COMMANDS[parser.parse_args(argv).command](read_settings(os.environ))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
