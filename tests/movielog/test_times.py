from datetime import date

import pytest

from movielog.events import DAY, SECOND
from movielog.times import day_of, instant, iso, last_instant


def test_times_without_a_zone_are_utc() -> None:
    assert instant("1970-01-01T00:00:01.5") == 1_500_000_000
    assert instant("1970-01-01T01:00:01+01:00") == 1_000_000_000


def test_a_day_ends_a_nanosecond_before_midnight() -> None:
    midnight = instant("2022-04-09")
    assert [day_of(midnight - 1), day_of(midnight)] == [date(2022, 4, 8), date(2022, 4, 9)]
    assert day_of(-DAY) == date(1969, 12, 31)


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("1970-01-01", DAY),
        ("1970-01-01T00:01", 2 * 60 * SECOND),
        ("1970-01-01 00:01:05", 66 * SECOND),
        ("1970-01-01T00:00:01.5", SECOND + 600_000_000),
        ("1970-01-01T00:00:01.000000007", SECOND + 8),
        ("1970-01-01T01:01+01:00", 2 * 60 * SECOND),
        ("1970-01-01T00:00:00Z", SECOND),
    ],
)
def test_a_time_stands_for_all_that_it_names(text: str, last: int) -> None:
    assert last_instant(text) == last - 1


@pytest.mark.parametrize("text", ["yesterday", "2022-04-12T15", "2022-13-12", "2022-04-12T15:09:61", ""])
def test_what_is_no_time_is_said(text: str) -> None:
    with pytest.raises(ValueError):
        last_instant(text)


def test_a_time_is_written_with_the_digits_that_it_needs() -> None:
    times = [0, SECOND // 2, 7, instant("2022-04-12T15:09")]
    assert [iso(time) for time in times] == [
        "1970-01-01T00:00:00",
        "1970-01-01T00:00:00.5",
        "1970-01-01T00:00:00.000000007",
        "2022-04-12T15:09:00",
    ]
    assert [last_instant(iso(time).ljust(29, "0")) for time in times[1:3]] == times[1:3]
