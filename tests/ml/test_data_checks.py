from datetime import date

import numpy as np
import pytest

from ml.data_checks import Counts, Limits, faults, malformed_lines
from store.port import Quarantined, Window

WINDOW = Window.until(date(2022, 4, 8), 5)
LIMITS = Limits(fewest_users=10, fewest_interactions=50)


def _counts(events_by_day: list[int], users: int = 20) -> Counts:
    return Counts(min(users, sum(events_by_day)), np.array(events_by_day), sum(events_by_day))


def test_an_ordinary_window_is_fit() -> None:
    assert faults(_counts([40, 50, 60, 50, 45]), 3, WINDOW, LIMITS) == []


@pytest.mark.parametrize(
    ("days", "users", "malformed", "told"),
    [
        ([40, 50, 60, 50, 45], 9, 0, "9 users: at least 10 are needed"),
        ([9, 9, 9, 9, 9], 10, 0, "45 interactions: at least 50 are needed"),
        ([40, 50, 0, 50, 45], 20, 0, "2022-04-06 is missing: no event on that day"),
        ([40, 50, 60, 50, 300], 20, 0, "2022-04-08 has 300 events where the median day has 50"),
        ([40, 50, 60, 8, 45], 20, 0, "2022-04-07 has 8 events where the median day has 45"),
        ([40, 50, 60, 50, 45], 20, 30, "10.9% of the lines are malformed: at most 5.0% are expected"),
    ],
)
def test_what_is_wrong_is_named(days: list[int], users: int, malformed: int, told: str) -> None:
    assert list(faults(_counts(days, users), malformed, WINDOW, LIMITS)) == [told]


def test_the_last_day_may_not_be_over_yet() -> None:
    assert faults(_counts([40, 50, 60, 50, 2]), 0, WINDOW, LIMITS) == []


def test_an_empty_window_lacks_everything() -> None:
    told = faults(_counts([0] * 5), 0, WINDOW, LIMITS)
    assert len(told) == 2 + 5


def test_malformed_lines_count_to_the_window_that_they_begin_in() -> None:
    lines = [
        b"2022-04-05T12:00:00,7,GET /data/m/x/no.mpg",
        b"2022-04-08T23:59:59,7,",
        b"2022-04-09T00:00,7,too late",
        b"2022-04-03T23:59:59.999,7,too early",
        b"2022-04-31T12:00:00,7,no such day",
        b"",
        b"\x00\xff garbage",
    ]
    quarantined = [Quarantined(str(number), "bad", line, len(line)) for number, line in enumerate(lines)]
    assert malformed_lines(quarantined, WINDOW) == (2, 3)
