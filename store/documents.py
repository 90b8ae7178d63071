"""Domain values as documents of the MongoDB store, and documents as rows.

An `_id` is text that begins with the record's day or time in digits of fixed width: a window is a range of it
and needs no other index.
"""

from dataclasses import asdict
from operator import itemgetter
from typing import Any

from movielog.events import DAY, Rated, Requested
from store import encoding
from store.port import Answer, Evaluation, Quarantined, Retrain, Route, Viewing, Window

Document = dict[str, Any]

WORD = 60
"""Minutes in one word of `seen`, which maps the word's number to a bit set that fits BSON's int64."""

WATCH = ("user", "movie", "first", "last", "seen")
WATCHED = ("movie", "last", "seen")
RATED = ("movie", "time", "rating")
LISTED = ("user", "time", "millis", "_id", "movies")

rated = itemgetter(*RATED)
"""Movie, time and stars of a rating."""


def viewing(seen: Viewing) -> Document:
    """A document of `viewings`."""
    return {
        "_id": f"{seen.day:06d}/{seen.user}/{seen.movie}",
        "user": seen.user,
        "movie": seen.movie,
        "first": seen.first_time,
        "last": seen.last_time,
        "seen": _words(seen.minutes),
    }


def merge(document: Document) -> Document:
    """The update that merges a viewing into the one with the same `_id`, in any order and however often."""
    return {
        "$min": {"first": document["first"]},
        "$max": {"last": document["last"]},
        "$bit": {f"seen.{word}": {"or": bits} for word, bits in document["seen"].items()},
        "$setOnInsert": {"user": document["user"], "movie": document["movie"]},
    }


def _words(minutes: int) -> dict[str, int]:
    words = range(minutes.bit_length() // WORD + 1)
    bits = ((word, minutes >> word * WORD & (1 << WORD) - 1) for word in words)
    return {str(word): each for word, each in bits if each}


def _minutes(document: Document) -> encoding.Minutes:
    return encoding.minutes_in(sum(bits << int(word) * WORD for word, bits in document["seen"].items()))


def watch_row(document: Document) -> tuple[Any, ...]:
    """A row of the port's `watches`."""
    return document["user"], document["movie"], document["first"], document["last"], *_minutes(document)


def watched(document: Document) -> tuple[str, int, int]:
    """Movie, last time and number of minutes of a viewing."""
    return document["movie"], document["last"], _minutes(document).number


def rating(given: Rated) -> Document:
    """A document of `ratings`."""
    identity = f"{_moment(given.time)}/{given.user}/{float(given.rating)}/{given.movie}"
    return {"_id": identity, **given._asdict(), "rating": float(given.rating)}


def request(asked: Requested) -> Document:
    """A document of `requests`."""
    identity = f"{_moment(asked.time)}/{asked.user}/{encoding.request_digest(asked).hex()}"
    return {"_id": identity, **asked._asdict(), "movies": ",".join(asked.movies)}


def listed_row(document: Document) -> tuple[Any, ...]:
    """A row of the port's `lists`, its movies as text."""
    digest = bytes.fromhex(document["_id"].rpartition("/")[2])
    return document["user"], document["time"], document["millis"], digest, document["movies"]


def answer(given: Answer) -> Document:
    """A document of `answers`."""
    return {
        "_id": f"{_moment(given.time)}/{given.user}",
        "user": given.user,
        "time": given.time,
        "arm": given.arm,
        "model": given.model.name,
        "digest": given.model.digest,
        "rung": given.rung,
        "movies": ",".join(given.movies),
        "fresh": encoding.fresh_text(given.fresh),
    }


def quarantined(line: Quarantined) -> Document:
    """A document of `quarantine`."""
    return {"_id": line.position, "reason": line.reason, "raw": line.raw, "size": line.size}


def quarantined_of(document: Document) -> Quarantined:
    """The inverse of `quarantined`."""
    return Quarantined(document["_id"], document["reason"], document["raw"], document["size"])


def route(entry: Route) -> Document:
    """A document of `routes`."""
    models = encoding.plain_models(entry.models)
    said = {"action": entry.action, "who": entry.who, "why": entry.why}
    return {"_id": entry.number, "time": entry.time, "models": models, **said}


def route_of(document: Document) -> Route:
    """The inverse of `route`."""
    models, said = encoding.models_of(document["models"]), [document[key] for key in ("action", "who", "why")]
    return Route(document["_id"], document["time"], models, *said)


def retrain(attempt: Retrain) -> Document:
    """A document of `retrains`."""
    return {"_id": f"{_moment(attempt.started)}/{attempt.name}", **encoding.plain_retrain(attempt)}


def retrain_of(document: Document) -> Retrain:
    """The inverse of `retrain`."""
    return encoding.retrain_of(_without_id(document))


def evaluation(look: Evaluation) -> Document:
    """A document of `evaluations`."""
    return {"_id": f"{_moment(look.until)}/{look.experiment}", **asdict(look)}


def evaluation_of(document: Document) -> Evaluation:
    """The inverse of `evaluation`."""
    return Evaluation(**_without_id(document))


def _without_id(document: Document) -> Document:
    return {key: value for key, value in document.items() if key != "_id"}


def days(window: Window) -> Document:
    """The `_id`s of viewings on the days that a window touches."""
    return {"$gte": f"{window.start // DAY:06d}", "$lt": f"{(window.end - 1) // DAY + 1:06d}"}


def moments(window: Window) -> Document:
    """The `_id`s of what happened in a window."""
    return {"$gte": _moment(window.start), "$lt": _moment(window.end)}


def _moment(time: int) -> str:
    return f"{time:019d}"
