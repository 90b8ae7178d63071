"""The figures, counted the slow and obvious way over the log's text."""

import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

REQUEST = re.compile(r"(.*?),\d+,recommendation request .*, status (\d+), result: .*, (\d+) ms")


class Asked(NamedTuple):
    time: datetime
    status: int
    millis: int

    def in_time(self, deadline: int) -> bool:
        return self.status == 200 and self.millis <= deadline


def recount(lines: Sequence[str], deadline: int) -> dict[str, object]:
    """Of lines in UTC that are sound or begin with `damaged`."""
    sound = [line for line in lines if not line.startswith("damaged")]
    newest = max((_time(line.split(",")[0]) for line in sound), default=None)
    asked = [
        Asked(_time(found[1]), int(found[2]), int(found[3]))
        for line in sound
        if (found := REQUEST.fullmatch(line))
    ]
    day = [one for one in asked if newest and one.time >= _minute(newest) - timedelta(minutes=1439)]
    return {
        "newest": newest and newest.timestamp(),
        "statuses": dict(Counter(str(one.status) for one in asked)),
        "seconds": sum(one.millis for one in asked) / 1000,
        "to 0.75 s": sum(one.millis <= 750 for one in asked),
        "requests": len(asked),
        "ratio": share(asked, deadline),
        "24 h": len(day),
        "24 h ratio": share(day, deadline),
    }


def share(asked: Sequence[Asked], deadline: int) -> float | None:
    return sum(one.in_time(deadline) for one in asked) / len(asked) if asked else None


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _minute(time: datetime) -> datetime:
    return time.replace(second=0, microsecond=0)
