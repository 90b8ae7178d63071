from datetime import date

from movielog.events import DAY
from movielog.times import day_of, instant


def test_times_without_a_zone_are_utc() -> None:
    assert instant("1970-01-01T00:00:01.5") == 1_500_000_000
    assert instant("1970-01-01T01:00:01+01:00") == 1_000_000_000


def test_a_day_ends_a_nanosecond_before_midnight() -> None:
    midnight = instant("2022-04-09")
    assert [day_of(midnight - 1), day_of(midnight)] == [date(2022, 4, 8), date(2022, 4, 9)]
    assert day_of(-DAY) == date(1969, 12, 31)
