"""One measurement in a process of its own: `ingest LOG STORE`, `drain BOOTSTRAP TOPIC`,
`drain-native BOOTSTRAP TOPIC` or `fill MONGO`."""

import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count, islice
from pathlib import Path

import confluent_kafka
from kafka import KafkaConsumer
from prometheus_client import CollectorRegistry
from pymongo import MongoClient

from movielog.ingest import GROUP, Progress, ingest
from movielog.source import open_log
from movielog.stopping import Stop
from store import open_store

_AT_ONCE, _PER_COMMAND = 200_000, 1_000
_SECONDS = 8


def main(kind: str, *given: str) -> None:
    """Print seconds by the clock, seconds of CPU with those of children, and the peak of memory in MB."""
    began = time.perf_counter()
    number = _KINDS[kind](*given)
    seconds = time.perf_counter() - began
    here, below = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    cpu = here.ru_utime + here.ru_stime + below.ru_utime + below.ru_stime
    print(json.dumps({"number": number, "seconds": seconds, "cpu": cpu, "peak": _peak()}))


def _peak() -> float:
    """MB that this process had at most; getrusage would tell its parent's from before it began."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) / 1e3 for line in lines if line.startswith("VmHWM:"))


def _ingest(log_url: str, store_url: str) -> int:
    registry = CollectorRegistry()
    with closing(open_store(store_url)) as store, closing(open_log(log_url, GROUP)) as log:
        ingest(log, store, Progress(registry), Stop(), _AT_ONCE, once=True)
    samples = (sample for metric in registry.collect() for sample in metric.samples)
    return int(sum(sample.value for sample in samples if sample.name == "ingest_lines_total"))


def _drain(bootstrap: str, topic: str) -> int:
    """As many messages as there are, by kafka-python alone."""
    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        group_id=f"bare-{os.getpid()}",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        metrics_enabled=False,
    )
    ends, number = None, 0
    while ends is None or number < ends:
        number += sum(map(len, consumer.poll(500, max_records=_AT_ONCE).values()))
        if ends is None and (assigned := consumer.assignment()):
            ends = sum(consumer.end_offsets(assigned).values())
    consumer.close(autocommit=False)
    return number


def _drain_native(bootstrap: str, topic: str) -> int:
    """As many messages as there are, by librdkafka alone."""
    consumer = confluent_kafka.Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": f"bare-{os.getpid()}",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
        }
    )
    consumer.subscribe([topic])
    ended, number = set[int | None](), 0
    while not ended or len(ended) < len(consumer.assignment()):
        for message in consumer.consume(1000, 0.5):
            if message.error() is None:
                number += 1
            else:
                ended.add(message.partition())
    consumer.close()
    return number


def _fill(url: str) -> int:
    """As many small documents as the server takes in some seconds from one client, in bulk."""
    deadline, documents, number = time.perf_counter() + _SECONDS, _documents(), 0
    with MongoClient[dict[str, object]](url) as client:
        collection = client.get_default_database()["filled"]
        while time.perf_counter() < deadline:
            collection.insert_many(list(islice(documents, _PER_COMMAND)), ordered=False)
            number += _PER_COMMAND
    return number


def _documents() -> Iterator[dict[str, object]]:
    """As viewings are kept."""
    movie = "made+up+7+1957"
    for user in count():
        times = {"first": user, "last": user, "seen": {"0": 1023}}
        yield {"_id": f"019086/{user}/{movie}", "user": user, "movie": movie, **times}


_KINDS: dict[str, Callable[..., int]] = {
    "ingest": _ingest,
    "drain": _drain,
    "drain-native": _drain_native,
    "fill": _fill,
}

if __name__ == "__main__":
    main(*sys.argv[1:])
