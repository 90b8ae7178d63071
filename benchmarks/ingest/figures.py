"""The reports of what was measured."""

from collections.abc import Mapping, Sequence
from statistics import median

from benchmarks.datasets import SIZES
from benchmarks.ingest.measuring import Run
from benchmarks.report import Goal, Plot, Report, Table
from benchmarks.turns import ratio

Runs = Mapping[str, Sequence[Run]]
BARE, TOPIC, NATIVE, FILE, HALF = (
    "bare kafka-python consumer",
    "Kafka to SQLite",
    "bare confluent-kafka consumer",
    "file to SQLite",
    "half of the file to SQLite",
)


def middle(runs: Sequence[Run], field: str) -> float:
    """The median over the rounds."""
    return float(median(getattr(run, field) for run in runs))


def rates(runs: Runs) -> Table:
    """Of everything that ran in a process of its own."""
    rows: list[tuple[str | float, ...]] = [
        (name, *(middle(found, field) for field in Run._fields)) for name, found in runs.items()
    ]
    head = ("what", "lines/s by the clock", "µs of CPU a line", "most memory, MB")
    return Table("The log into the store", head, rows)


def alone(parsed: Sequence[float], folded: Sequence[float]) -> Table:
    """Of the parser, in lines a second of CPU."""
    rows = [("parsing", median(parsed)), ("parsing and joining minutes to viewings", median(folded))]
    return Table("Parts alone, on one core", ("what", "lines/s of CPU"), rows)


def filled(runs: Mapping[str, Run]) -> Table:
    """Against what the store holds already."""
    rows = [
        (f"{size}: {SIZES[size].interactions:,} interactions", run.rate, run.cpu)
        for size, run in runs.items()
    ]
    return Table(
        "File to SQLite against the store's size",
        ("store holds", "lines/s by the clock", "µs of CPU a line"),
        rows,
    )


def topic_goals(runs: Runs) -> list[Goal]:
    """The figure of a topic beside what it should be."""
    drained = ratio([run.rate for run in runs[TOPIC]], [run.rate for run in runs[BARE]])
    return [Goal("ingest: Kafka to SQLite to a bare kafka-python consumer", drained, 0.8, most=False)]


def goals(runs: Runs, parsed: Sequence[float]) -> list[Goal]:
    """Each figure of a file and of the parser beside what it should be."""
    grown = ratio([run.peak for run in runs[FILE]], [run.peak for run in runs[HALF]])
    by_clock, of_cpu = middle(runs[FILE], "rate"), 1e6 / middle(runs[FILE], "cpu")
    return [
        Goal("ingest: parsing alone, a core", median(parsed), 500_000, "lines/s", most=False),
        Goal("ingest: file to SQLite by the clock", by_clock, 100_000, "lines/s", most=False),
        Goal("ingest: the same a second of CPU", of_cpu, 100_000, "lines/s", most=False),
        Goal("ingest: memory for twice the lines", grown, 1.1),
    ]


def topic_report(machine: Mapping[str, str], runs: Runs, notes: Sequence[str]) -> Report:
    """The section `topic` of the page."""
    table, base = rates(runs), [run.rate for run in runs[BARE]]
    head = (table.head[0], "to kafka-python alone", *table.head[1:])
    rows = [(row[0], ratio([run.rate for run in runs[str(row[0])]], base), *row[1:]) for row in table.rows]
    tables = [Table("A topic of four partitions", head, rows)]
    return Report("topic", "make bench-ingest", machine, topic_goals(runs), tables, [], notes)


def report(
    machine: Mapping[str, str],
    runs: Runs,
    parts: Sequence[Sequence[float]],
    grown: Mapping[str, Run],
    notes: Sequence[str],
) -> Report:
    """The section `ingest` of the page."""
    points = [(SIZES[size].interactions, 1e6 / run.cpu) for size, run in grown.items()]
    plot = Plot(
        "ingest-growth",
        "File to SQLite",
        "interactions in the store",
        "lines a second of CPU",
        {"ingest": points},
    )
    tables = [rates(runs), alone(*parts), filled(grown)]
    return Report("ingest", "make bench-ingest", machine, goals(runs, parts[0]), tables, [plot], notes)
