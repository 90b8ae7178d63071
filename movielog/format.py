"""An event -> the line that tells it, the reverse of `movielog.parse`."""

from datetime import UTC, datetime

from movielog.events import SECOND, Event, Rated, Watched


def format_event(event: Event) -> bytes:
    """The line, without a line break, that `parse_line` reads as the same event."""
    return f"{_time(event.time)},{event.user},{_told(event)}".encode()


def _told(event: Event) -> str:
    if isinstance(event, Watched):
        return f"GET /data/m/{event.movie}/{event.minute}.mpg"
    if isinstance(event, Rated):
        return f"GET /rate/{event.movie}={event.rating:g}"
    answer = f"status {event.status}, result: {event.error or ', '.join(event.movies)}, {event.millis} ms"
    return f"recommendation request {event.server}, {answer}"


def _time(time: int) -> str:
    """ISO 8601 in UTC without a zone, with as many fractional digits as are needed."""
    seconds, nanos = divmod(time, SECOND)
    fraction = f".{nanos:09}".rstrip("0") if nanos else ""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S") + fraction
