"""The measurements, one function each."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from benchmarks.ingest.lines import lines
from benchmarks.stores import store_of
from benchmarks.turns import in_turn
from movielog.ingest import GROUP, aggregate
from movielog.parse import MalformedLine, parse_line
from movielog.source import open_writer
from store import open_store
from store.port import Window
from tests.servers import database
from tests.servers.broker import Broker

_ALWAYS = Window(0, 2**62)
_PARTITIONS = 4


class Run(NamedTuple):
    """Lines a second by the clock, microseconds of CPU a line, the most memory of the process in MB."""

    rate: float
    cpu: float
    peak: float


def parsing(some: Sequence[bytes]) -> float:
    """Lines a second of CPU, of the parser alone."""
    before = time.process_time()
    for line in some:
        with suppress(MalformedLine):
            parse_line(line)
    return len(some) / (time.process_time() - before)


def folding(some: Sequence[bytes]) -> float:
    """Lines a second of CPU, parsed and joined to viewings."""
    before = time.process_time()
    aggregate(some, str)
    return len(some) / (time.process_time() - before)


def from_file(some: Sequence[bytes], rounds: int, folder: Path) -> Mapping[str, Sequence[Run]]:
    """Half of the lines and all of them, each into an empty store: memory must not grow with the log."""
    names = {"half of the file to SQLite": len(some) // 2, "file to SQLite": len(some)}
    return in_turn(
        {name: partial(_file, some[:number], folder / f"{number}") for name, number in names.items()}, rounds
    )


def _file(some: Sequence[bytes], folder: Path) -> Run:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    log = folder / "movielog.log"
    log.write_bytes(b"\n".join(some) + b"\n")
    store = f"sqlite://{folder}/marquee.db"
    run = _one("ingest", f"file://{log}", store)
    _check(store, some)
    return run


def _check(store_url: str, some: Sequence[bytes]) -> None:
    """ValueError where the store holds anything but what the lines tell."""
    told = aggregate(some, str)
    with closing(open_store(store_url)) as store:
        held = [len(store.watches(_ALWAYS)), len(store.ratings(_ALWAYS)), len(store.requests(_ALWAYS))]
    meant = [len(told.viewings), len({*told.ratings}), len({*told.requests})]
    if held != meant:
        raise ValueError(f"the store holds {held} viewings, ratings and requests, the log tells {meant}")


def from_kafka(some: Sequence[bytes], rounds: int, folder: Path) -> Mapping[str, Sequence[Run]]:
    """A topic drained by bare consumers, and ingested into an empty store, in turn."""
    broker = Broker(folder)
    broker.start()
    try:
        topic = _filled(broker, some)
        url = f"kafka://{broker.bootstrap}/{topic}"
        return in_turn(
            {
                "bare kafka-python consumer": partial(_one, "drain", broker.bootstrap, topic),
                "Kafka to SQLite": partial(_topic, broker, url, some, folder / "store"),
                "bare confluent-kafka consumer": partial(_one, "drain-native", broker.bootstrap, topic),
            },
            rounds,
        )
    finally:
        broker.stop()


def _filled(broker: Broker, some: Sequence[bytes]) -> str:
    topic = broker.make_topic(_PARTITIONS)
    with closing(open_writer(f"kafka://{broker.bootstrap}/{topic}")) as writer:
        for start in range(0, len(some), 20_000):
            writer.append(some[start : start + 20_000])
            writer.flush()
    return topic


def _topic(broker: Broker, url: str, some: Sequence[bytes], folder: Path) -> Run:
    shutil.rmtree(folder, ignore_errors=True)
    _forget(broker)
    run = _one("ingest", url, f"sqlite://{folder}/marquee.db")
    _check(f"sqlite://{folder}/marquee.db", some)
    return run


def into_mongo(some: Sequence[bytes], folder: Path) -> Mapping[str, Sequence[Run]]:
    """A file to MongoDB's protocol, and documents in bulk to the same server."""
    log = folder / "mongo.log"
    log.write_bytes(b"\n".join(some) + b"\n")
    with database.server(folder) as server, database.fresh(server) as url:
        found = {"documents in bulk by pymongo alone": [_one("fill", url)]}
        found["file to MongoDB's protocol"] = [_one("ingest", f"file://{log}", url)]
    return found


def into_filled(some: Sequence[bytes], sizes: Sequence[str], folder: Path) -> Mapping[str, Run]:
    """The file into stores that hold S, M and L already, a day later than all they hold."""
    found = {}
    for size in sizes:
        place = folder / size
        place.mkdir()
        shutil.copyfile(store_of(size).removeprefix("sqlite://"), place / "marquee.db")
        (place / "movielog.log").write_bytes(b"\n".join(some) + b"\n")
        found[size] = _one("ingest", f"file://{place}/movielog.log", f"sqlite://{place}/marquee.db")
        shutil.rmtree(place)
    return found


def _forget(broker: Broker) -> None:
    """The group has read nothing yet."""
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    with suppress(KafkaException):  # where it was there
        admin.delete_consumer_groups([GROUP])[GROUP].result()


def _one(kind: str, *given: str) -> Run:
    command = [sys.executable, "-m", "benchmarks.ingest.one", kind, *given]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(f"{kind} failed: {done.stderr.strip()[-500:]}")
    said = json.loads(done.stdout)
    run = Run(said["number"] / said["seconds"], said["cpu"] / said["number"] * 1e6, said["peak"])
    print(f"{kind}: {run.rate:,.0f}/s, {run.cpu:.1f} us of CPU each, {run.peak:.0f} MB", file=sys.stderr)
    return run


def made(number: int) -> list[bytes]:
    """The lines that are measured with."""
    return list(lines(number))
