"""A line of the log -> the event that it tells."""

import re
from collections.abc import Callable
from datetime import date
from functools import lru_cache

from movielog.events import DAY, SECOND, Event, Rated, Requested, Watched

LONGEST_LINE = 65_536
"""Bytes; a longer line is malformed."""
LONGEST_MOVIE = 1_024
"""Bytes of an id."""
LAST_MINUTE = 1_440
"""The highest minute of a movie."""

_EPOCH = date(1970, 1, 1).toordinal()
_END = (date(2262, 1, 1).toordinal() - _EPOCH) * DAY
_DATE_AND_MINUTE = re.compile(rb"([0-9]{4})-([0-9]{2})-([0-9]{2})T([01][0-9]|2[0-3]):([0-5][0-9])")
_SECONDS_AND_ZONE = re.compile(
    rb"(?::([0-5][0-9])(?:\.([0-9]{1,9}))?)?(?:Z|([+-])([01][0-9]|2[0-3])(?::?([0-5][0-9]))?)?"
)
_PLAIN_SECONDS = {b":%02d%s" % (s, zone): s * SECOND for s in range(60) for zone in (b"", b"Z")}
_PLAIN_MINUTES = {b"%d.mpg" % minute: minute for minute in range(LAST_MINUTE + 1)}
_MINUTE = re.compile(rb"([0-9]{1,18})\.mpg")
_RATINGS = {b"%d%s" % (n, tail): float(n) for n in range(1, 6) for tail in (b"", b".0")} | {
    b"%d.5" % n: n + 0.5 for n in range(1, 5)
}
_REQUEST = re.compile(rb"([^,]+), status ([^,]*), result: (.*), ?([^,]*) ms", re.DOTALL)
_NUMBER = re.compile(rb"[0-9]{1,18}")
_STATUS = re.compile(rb"[0-9]{1,3}")
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
_MOVIE_ASCII = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-._'="
_SHOWN = 80

_new = tuple.__new__  # a third of the time of a named tuple's own constructor


class MalformedLine(ValueError):  # noqa: N818 -- said of the line, as the log's users say it
    """A line that tells no event. `reason` is one of a few fixed kinds, the text says more."""

    def __init__(self, reason: str, found: bytes = b"") -> None:
        super().__init__(f"{reason}: {found[:_SHOWN]!r}")
        self.reason = reason


def parse_line(line: bytes) -> Event:
    """The event of one line, which may end in a line break; MalformedLine for any other bytes."""
    if len(line) > LONGEST_LINE:
        raise MalformedLine("line too long", line)
    try:
        time, user, told = line.rstrip(b"\r\n").split(b",", 2)
    except ValueError:
        raise MalformedLine("too few fields", line) from None
    if len(user) > 18 or not user.isdigit():
        raise MalformedLine("bad user", user)
    if told.startswith(b"GET /data/m/"):
        movie, _, minute = told[12:].rpartition(b"/")
        return _new(Watched, (_time(time), int(user), _movie(movie), _minute(minute)))
    for start, parse in _OTHERS.items():
        if told.startswith(start):
            return parse(_time(time), int(user), told[len(start) :])
    raise MalformedLine("unknown request", told)


def time_of(line: bytes) -> int:
    """The time that a line begins with, whatever follows; MalformedLine where it begins with none."""
    return _time(line.split(b",", 1)[0])


def _rated(time: int, user: int, told: bytes) -> Rated:
    movie, _, rating = told.rpartition(b"=")
    if rating not in _RATINGS:
        raise MalformedLine("bad rating", told)
    return _new(Rated, (time, user, _movie(movie), _RATINGS[rating]))


def _requested(time: int, user: int, told: bytes) -> Requested:
    parts = _REQUEST.fullmatch(told)
    if not parts:
        raise MalformedLine("bad recommendation request", told)
    server, status, result, millis = parts.groups()
    if not _STATUS.fullmatch(status):
        raise MalformedLine("bad status", status)
    if not _NUMBER.fullmatch(millis):
        raise MalformedLine("bad duration", millis)
    movies, error = _result(result, status == b"200")
    return Requested(time, user, _text(server), int(status), movies, error, int(millis))


def _result(result: bytes, succeeded: bool) -> tuple[tuple[str, ...], str]:
    """The movies and, where a failed request has no list of them, the error's text."""
    try:
        return tuple([_movie(item) for item in result.replace(b", ", b",").split(b",")] if result else ()), ""
    except MalformedLine as wrong:
        if succeeded:
            raise MalformedLine("bad result", result) from wrong
        return (), _text(result)


_OTHERS: dict[bytes, Callable[[int, int, bytes], Event]] = {
    b"GET /rate/": _rated,
    b"recommendation request ": _requested,
}


def _time(text: bytes) -> int:
    """Nanoseconds since 1970 UTC of an ISO 8601 time with minutes at least."""
    start, rest = _date_and_minute(text[:16]), text[16:]
    seconds = _PLAIN_SECONDS.get(rest)
    return start + seconds if seconds is not None else _odd_time(start, rest)


@lru_cache(maxsize=16_384)
def _date_and_minute(text: bytes) -> int:
    parts = _DATE_AND_MINUTE.fullmatch(text)
    if not parts:
        raise MalformedLine("bad time", text)
    year, month, day, hour, minute = map(int, parts.groups())
    try:
        days = date(year, month, day).toordinal() - _EPOCH
    except ValueError:
        raise MalformedLine("bad time", text) from None
    return _in_range(days * DAY + (hour * 60 + minute) * 60 * SECOND)


def _odd_time(start: int, rest: bytes) -> int:
    """A time with a fraction of a second or a zone, from its minute's beginning."""
    parts = _SECONDS_AND_ZONE.fullmatch(rest)
    if not parts:
        raise MalformedLine("bad time", rest)
    seconds, fraction, sign, zone_hours, zone_minutes = parts.groups(b"0")
    east = (int(zone_hours) * 60 + int(zone_minutes)) * (-60 if sign == b"-" else 60)
    return _in_range(start + (int(seconds) - east) * SECOND + int(fraction.ljust(9, b"0")))


def _in_range(time: int) -> int:
    if not 0 <= time < _END:
        raise MalformedLine("bad time", b"%d ns" % time)
    return time


@lru_cache(maxsize=32_768)
def _movie(name: bytes) -> str:
    """An id; the same object for the same id, so that later look-ups need not hash it again."""
    if not name or len(name) > LONGEST_MOVIE:
        raise MalformedLine("bad movie", name)
    others = name.translate(None, _MOVIE_ASCII)
    if others and not _is_foreign_text(others):
        raise MalformedLine("bad movie", name)
    return name.decode()


def _is_foreign_text(others: bytes) -> bool:
    """True where bytes are visible characters in UTF-8, none of them ASCII."""
    try:
        text = others.decode()
    except UnicodeDecodeError:
        return False
    return min(others) > 0x7F and text.isprintable()


def _minute(name: bytes) -> int:
    minute = _PLAIN_MINUTES.get(name)
    if minute is not None:
        return minute
    parts = _MINUTE.fullmatch(name)
    if not parts or int(parts[1]) > LAST_MINUTE:
        raise MalformedLine("bad minute", name)
    return int(parts[1])


def _text(text: bytes) -> str:
    if _CONTROL.search(text):
        raise MalformedLine("bad text", text)
    try:
        return text.decode()
    except UnicodeDecodeError:
        raise MalformedLine("bad text", text) from None
