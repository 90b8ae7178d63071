import random

from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest

from monitor.traffic.exporter import Exporter
from monitor.traffic.tally import MINUTE, Tally
from movielog.events import DAY, SECOND, Requested, Watched
from movielog.format import format_event
from tests.monitor.traffic.lines import some_lines
from tests.monitor.traffic.recount import recount
from tests.monitor.traffic.shown import shown
from tests.movielog.recount import START

LATER = START + 30 * DAY


def told(tally: Tally) -> dict[str, object]:
    registry = CollectorRegistry()
    exporter = Exporter(registry)
    exporter.show(tally.traffic())
    return shown(generate_latest(registry).decode())


def counted(lines: list[str], deadline: int = 750) -> Tally:
    tally = Tally(deadline)
    tally.add([line.encode() for line in lines], LATER)
    return tally


def asked(time: int, status: int = 200, millis: int = 10) -> str:
    return format_event(Requested(time, 7, "h:8082", status, ("up+2009",), "", millis)).decode()


@settings(max_examples=60, deadline=None)
@given(
    number=st.integers(0, 400),
    hours=st.floats(0, 80),
    seed=st.integers(0, 2**32),
    deadline=st.sampled_from([1, 750, 333, 2500]),
    cuts=st.lists(st.integers(0, 400), max_size=6),
)
def test_any_log_in_any_parts_over_any_restarts_is_what_a_slow_recount_says(
    number: int, hours: float, seed: int, deadline: int, cuts: list[int]
) -> None:
    lines = some_lines(number, hours, seed)
    tally = Tally(deadline)
    for start, end in zip([0, *sorted(cuts)], [*sorted(cuts), number], strict=True):
        tally.add([line.encode() for line in lines[start:end]], LATER)
        tally = Tally.of(tally.to_bytes(), deadline)
    assert told(tally) == recount(lines, deadline)


def test_any_order_of_the_lines_gives_the_same() -> None:
    lines = some_lines(2000, 60, seed=3)
    mixed = random.Random(3).sample(lines, len(lines))
    assert told(counted(mixed)) == told(counted(lines))


def test_a_request_leaves_the_24_hours_with_its_minute_not_before() -> None:
    first = START + 59 * SECOND
    still, gone = START + 1439 * MINUTE + 59 * SECOND, START + 1440 * MINUTE
    assert told(counted([asked(first), asked(still)]))["24 h"] == 2
    assert told(counted([asked(first), asked(gone)]))["24 h"] == 1


def test_the_window_ends_at_the_newest_event_of_any_kind() -> None:
    watched = format_event(Watched(START + 2 * DAY, 7, "up+2009", 1)).decode()
    assert told(counted([asked(START), watched]))["24 h"] == 0
    assert told(counted([watched, asked(START)]))["24 h"] == 0


def test_only_a_success_within_the_deadline_is_in_time() -> None:
    lines = [asked(START, 200, 750), asked(START, 200, 751), asked(START, 503, 3), asked(START, 0, 1)]
    assert told(counted(lines))["ratio"] == 1 / 4


def test_an_event_from_the_future_does_not_empty_the_window() -> None:
    tally = Tally(750)
    tally.add([asked(time).encode() for time in (START, START + 9 * MINUTE, START + 40 * DAY)], now=START)
    traffic = tally.traffic()
    assert (traffic.day.requests, traffic.total.requests, traffic.ahead) == (2, 3, 1)
    assert traffic.newest == START + 9 * MINUTE


def test_what_is_kept_does_not_grow_with_the_log() -> None:
    tally = counted(some_lines(3000, hours=24 * 365, seed=1))
    assert len(tally.traffic().minutes) <= 1440
    busy = Tally(750)
    for seed in range(10):
        busy.add([line.encode() for line in some_lines(30_000, 24.1, seed)], LATER)
    assert len(busy.traffic().minutes) == 1440
    assert len(busy.to_bytes()) < 100_000


def test_before_the_first_line_there_are_no_ratios_and_no_newest_event() -> None:
    nothing = told(counted([]))
    assert (nothing["newest"], nothing["ratio"], nothing["24 h ratio"], nothing["24 h"]) == (
        None,
        None,
        None,
        0,
    )
