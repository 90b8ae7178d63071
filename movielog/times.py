"""Between the calendar and the whole nanoseconds since 1970-01-01T00:00 UTC that events carry."""

from datetime import UTC, date, datetime, timedelta

from movielog.events import DAY, SECOND

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def instant(text: str) -> int:
    """An ISO 8601 date or time in ns, UTC where no zone is given; ValueError for anything else."""
    return nanoseconds(datetime.fromisoformat(text))


def nanoseconds(time: datetime) -> int:
    """A time in ns, UTC where it has no zone."""
    since = time.replace(tzinfo=time.tzinfo or UTC) - _EPOCH
    return since // timedelta(microseconds=1) * (SECOND // 1_000_000)


def day_of(time: int) -> date:
    """The UTC day that a time in ns falls on."""
    return _EPOCH.date() + timedelta(days=time // DAY)
