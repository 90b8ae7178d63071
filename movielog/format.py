"""An event -> the line that tells it, the reverse of `movielog.parse`."""

from movielog.events import Event, Rated, Watched
from movielog.times import iso


def format_event(event: Event) -> bytes:
    """The line, without a line break, that `parse_line` reads as the same event."""
    return f"{iso(event.time)},{event.user},{_told(event)}".encode()


def _told(event: Event) -> str:
    if isinstance(event, Watched):
        return f"GET /data/m/{event.movie}/{event.minute}.mpg"
    if isinstance(event, Rated):
        return f"GET /rate/{event.movie}={event.rating:g}"
    answer = f"status {event.status}, result: {event.error or ', '.join(event.movies)}, {event.millis} ms"
    return f"recommendation request {event.server}, {answer}"
