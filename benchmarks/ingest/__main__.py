"""How fast the log comes into the store, beside what its parts do alone: `python -m benchmarks.ingest`.

What every store holds afterwards is compared with what the lines tell.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import page
from benchmarks.ingest import figures, measuring
from benchmarks.ingest.measuring import Run
from benchmarks.report import machine
from tests.servers import broker, database
from tests.servers.getting import MissingPartError


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and write the page; 1 where a store holds something else or a server is missing."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ingest", description=__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000, help="in the log")
    parser.add_argument("--rounds", type=int, default=3, help="times that each is measured")
    parser.add_argument("--sizes", default="S,M,L", help="stores that are grown")
    arguments = parser.parse_args(argv)
    try:
        broker.get()
        with TemporaryDirectory() as folder:
            _measure(arguments, Path(folder))
    except (ValueError, MissingPartError) as error:
        print(f"benchmarks.ingest: {error}", file=sys.stderr)
        return 1
    return 0


def _measure(arguments: argparse.Namespace, folder: Path) -> None:
    facts = machine("kafka-python", "crc32c", "pymongo") | {
        "servers": f"{_named(broker.find())}; {_database()}"
    }
    some, rounds = measuring.made(arguments.lines), arguments.rounds
    parts = [[part(some) for _ in range(rounds)] for part in (measuring.parsing, measuring.folding)]
    kafka = folder / "kafka"
    kafka.mkdir()
    runs: dict[str, Sequence[Run]] = {
        **measuring.from_file(some, rounds, folder),
        **measuring.from_kafka(some, rounds, kafka),
        **_into_mongo(some[: arguments.lines // 10], folder),
    }
    grown = measuring.into_filled(some[: arguments.lines // 2], arguments.sizes.split(","), folder)
    notes = [f"{len(some):,} lines: 94% minutes watched, 4% ratings, 2% requests, one in a thousand damaged."]
    page.publish(figures.report(facts, runs, parts, grown, notes))


def _named(found: str) -> str:
    """What was found without where it lies."""
    return found.partition(" from ")[0]


def _database() -> str:
    try:
        return _named(database.find())
    except MissingPartError:
        return "no server of MongoDB's protocol"


def _into_mongo(some: Sequence[bytes], folder: Path) -> Mapping[str, Sequence[Run]]:
    try:
        database.find()
    except MissingPartError as why:
        print(f"MongoDB's protocol is left out: {why}", file=sys.stderr)
        return {}
    return measuring.into_mongo(some, folder)


if __name__ == "__main__":
    raise SystemExit(main())
