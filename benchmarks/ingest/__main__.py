"""How fast the log comes into the store, beside what its parts do alone: `python -m benchmarks.ingest`.

What every store holds afterwards is compared with what the lines tell.
"""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import page
from benchmarks.ingest import figures, measuring
from benchmarks.ingest.measuring import Run
from benchmarks.report import Report, machine
from tests.servers import broker, database
from tests.servers.getting import MissingPartError


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and write the page; 1 where a store holds something else or a server is missing."""
    parser = ArgumentParser(prog="python -m benchmarks.ingest", description=__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000, help="in the log")
    parser.add_argument("--rounds", type=int, default=3, help="times that each is measured")
    parser.add_argument("--sizes", default="S,M,L", help="stores that are grown")
    parser.add_argument("--only", choices=("file", "topic"), help="leave the other section as it is")
    arguments = parser.parse_args(argv)
    some = measuring.made(arguments.lines)
    notes = [f"{len(some):,} lines: 94% minutes watched, 4% ratings, 2% requests, one in a thousand damaged."]
    try:
        with TemporaryDirectory() as folder:
            if arguments.only != "file":
                page.publish(_topic(some, arguments.rounds, notes, Path(folder) / "kafka"))
            if arguments.only != "topic":
                page.publish(_file(some, arguments, notes, Path(folder)))
    except (ValueError, MissingPartError) as error:
        print(f"benchmarks.ingest: {error}", file=sys.stderr)
        return 1
    return 0


def _topic(some: Sequence[bytes], rounds: int, notes: Sequence[str], folder: Path) -> Report:
    broker.get()
    folder.mkdir()
    facts = machine("kafka-python", "crc32c", "confluent-kafka") | {"servers": _named(broker.find())}
    return figures.topic_report(facts, measuring.from_kafka(some, rounds, folder), notes)


def _file(some: Sequence[bytes], arguments: Namespace, notes: Sequence[str], folder: Path) -> Report:
    facts, rounds = machine("pymongo") | {"servers": _database()}, arguments.rounds
    parts = [[part(some) for _ in range(rounds)] for part in (measuring.parsing, measuring.folding)]
    runs: dict[str, Sequence[Run]] = {
        **measuring.from_file(some, rounds, folder),
        **_into_mongo(some[: len(some) // 10], folder),
    }
    grown = measuring.into_filled(some[: len(some) // 2], arguments.sizes.split(","), folder)
    return figures.report(facts, runs, parts, grown, notes)


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
