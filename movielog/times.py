"""Between the calendar and the whole nanoseconds since 1970-01-01T00:00 UTC that events carry."""

import re
from datetime import UTC, date, datetime, timedelta

from movielog.events import DAY, SECOND

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PARTS = re.compile(
    r"([0-9-]{10})(?:[T ]([0-9]{2}:[0-9]{2})(:[0-9]{2}(?:\.([0-9]{1,9}))?)?(Z|[+-][0-9:]+)?)?"
)


def instant(text: str) -> int:
    """An ISO 8601 date or time in ns, UTC where no zone is given; ValueError for anything else."""
    return nanoseconds(datetime.fromisoformat(text))


def last_instant(text: str) -> int:
    """The last ns of the day, minute, second or part of a second that an ISO 8601 text names.

    UTC where no zone is given; ValueError for anything else.
    """
    parts = _PARTS.fullmatch(text)
    if not parts:
        raise ValueError(f"{text!r} is no time such as 2022-04-12T15:09")
    day, minute, second, fraction, zone = parts.groups("")
    start = instant(f"{day}T{minute or '00:00'}{second[:3]}{zone}") + int(fraction.ljust(9, "0") or 0)
    return start + _length(minute, second, fraction) - 1


def _length(minute: str, second: str, fraction: str) -> int:
    if not minute:
        return DAY
    return SECOND // 10 ** len(fraction) if second else 60 * SECOND


def iso(time: int) -> str:
    """ISO 8601 in UTC without a zone, with as many fractional digits as are needed."""
    seconds, nanos = divmod(time, SECOND)
    fraction = f".{nanos:09}".rstrip("0") if nanos else ""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S") + fraction


def nanoseconds(time: datetime) -> int:
    """A time in ns, UTC where it has no zone."""
    since = time.replace(tzinfo=time.tzinfo or UTC) - _EPOCH
    return since // timedelta(microseconds=1) * (SECOND // 1_000_000)


def day_of(time: int) -> date:
    """The UTC day that a time in ns falls on."""
    return _EPOCH.date() + timedelta(days=time // DAY)
