import random

import pytest

from monitor.traffic.series import columns, quantile
from monitor.traffic.tally import Span, Tally, edges
from movielog.events import SECOND, Requested
from movielog.format import format_event
from tests.movielog.recount import START


def tally(*asked: tuple[int, int, int]) -> Tally:
    """Of requests by second, status and duration."""
    counted = Tally(750)
    events = [
        Requested(START + second * SECOND, 7, "h:1", status, (), "", ms) for second, status, ms in asked
    ]
    counted.add([format_event(event) for event in events], START + 10**18)
    return counted


def test_steps_are_whole_minutes_before_the_newest_event() -> None:
    shown = columns(tally((0, 200, 5), (59, 200, 800), (60, 0, 3), (200, 200, 5)).traffic(), 4, 1)
    assert shown["time"] == [START // SECOND + 60 * n for n in (-1, 0, 1, 2)]
    assert shown["requests"] == [0, 2, 1, 0]
    assert shown["missed"] == [0, 1, 1, 0]
    assert shown["ratio"] == [None, 0.5, 0, None]
    assert [value is None for value in shown["p50"]] == [True, False, False, True]


def test_longer_steps_join_minutes_and_still_count_per_minute() -> None:
    shown = columns(tally(*((60 * n, 200, 5) for n in range(8)), (600, 200, 5)).traffic(), 10, 5)
    assert shown["requests"] == [1, 3 / 5]
    assert shown["time"] == [START // SECOND, START // SECOND + 300]


def test_without_an_event_there_is_no_step() -> None:
    assert set(map(len, columns(Tally(750).traffic(), 60, 1).values())) == {0}


@pytest.mark.parametrize("seed", range(5))
def test_a_quantile_lies_in_the_class_of_the_true_one(seed: int) -> None:
    chance = random.Random(seed)
    durations = sorted(chance.choice([chance.randrange(20), chance.randrange(9000)]) for _ in range(301))
    span = tally(*((0, 200, ms) for ms in durations)).traffic().total
    for share in (0.05, 0.5, 0.95):
        true, found = durations[int(share * 301)], quantile(750, span, share)
        ends = [0, *edges(750)]
        start = max(end for end in ends if end < true or end == 0)
        assert start <= found <= min(end for end in ends if end >= true)


def test_what_lies_beyond_the_last_edge_counts_as_the_edge() -> None:
    longest = Span(0, (*(0 for _ in edges(750)), 5))
    assert quantile(750, longest, 0.5) == 10_000
