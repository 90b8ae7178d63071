"""The parts of `make bench-ingest` that need no server."""

from collections import Counter
from pathlib import Path

import pytest

from benchmarks.ingest import figures, measuring
from benchmarks.ingest.lines import lines
from benchmarks.ingest.measuring import Run
from movielog.events import Rated, Requested, Watched
from movielog.parse import MalformedLine, parse_line


def _kind(line: bytes) -> type | None:
    try:
        return type(parse_line(line))
    except MalformedLine:
        return None


def test_lines_are_a_realistic_mix_and_the_same_each_time() -> None:
    some = list(lines(40_000))
    kinds = Counter(map(_kind, some))
    assert some == list(lines(40_000))
    assert kinds[Watched] / 40_000 == pytest.approx(0.939, abs=0.005)
    assert kinds[Rated] / 40_000 == pytest.approx(0.04, abs=0.005)
    assert kinds[Requested] / 40_000 == pytest.approx(0.02, abs=0.005)
    assert 0 < kinds[None] < 100


def test_viewers_tell_minute_after_minute_of_a_movie() -> None:
    events = [parse_line(line) for line in list(lines(40_100))[::20_000]]
    first, second, third = (event for event in events if isinstance(event, Watched))
    assert first.user == second.user == third.user
    assert first.time < second.time < third.time


def test_a_store_that_lacks_lines_is_found_out(tmp_path: Path) -> None:
    some = list(lines(300))
    run = measuring._file(some, tmp_path / "whole")
    assert run.rate > 0
    with pytest.raises(ValueError, match="the log tells"):
        measuring._check(f"sqlite://{tmp_path}/whole/marquee.db", some + list(lines(300, seed=2)))


def test_the_goal_of_a_topic_compares_with_the_bare_consumer_of_the_same_round() -> None:
    runs = {
        figures.BARE: [Run(100, 1, 1), Run(10, 1, 1)],
        figures.TOPIC: [Run(80, 1, 1), Run(8, 1, 1)],
        figures.NATIVE: [Run(200, 1, 1), Run(30, 1, 1)],
    }
    report = figures.topic_report({}, runs, [])
    assert [goal.measured for goal in report.goals] == [pytest.approx(0.8)]
    assert [row[1] for row in report.tables[0].rows] == [pytest.approx(ratio) for ratio in (1, 0.8, 2.5)]


def test_goals_of_a_file_are_speed_and_memory() -> None:
    runs = {figures.FILE: [Run(1e5, 5, 200)], figures.HALF: [Run(1e5, 5, 100)]}
    measured = {goal.what: goal.measured for goal in figures.goals(runs, [6e5])}
    assert measured["ingest: the same a second of CPU"] == pytest.approx(2e5)
    assert measured["ingest: memory for twice the lines"] == 2
