"""How values of the domain are written, the same in every adapter."""

from collections.abc import Mapping
from dataclasses import asdict
from hashlib import blake2b
from typing import Any, NamedTuple

from movielog.events import Requested
from store.port import Batch, ModelRef, Retrain, Window


class Minutes(NamedTuple):
    """A set of minutes in three numbers."""

    first: int
    last: int
    number: int


def minutes_in(bits: int) -> Minutes:
    """First, last and number of the minutes i whose bit i is set; at least one is."""
    return Minutes((bits & -bits).bit_length() - 1, bits.bit_length() - 1, bits.bit_count())


def newest_of(batch: Batch) -> int | None:
    """Time of the batch's newest event."""
    times = [viewing.last_time for viewing in batch.viewings]
    times.extend(rated.time for rated in batch.ratings)
    times.extend(request.time for request in batch.requests)
    return max(times, default=None)


def request_digest(request: Requested) -> bytes:
    """What tells a request from others of the same user and time: 12 bytes over the rest of its content."""
    rest = (request.server, str(request.status), str(request.millis), request.error, *request.movies)
    return blake2b("\n".join(rest).encode(), digest_size=12).digest()


def fresh_text(fresh: Mapping[str, float]) -> str:
    """`id=strength` comma-separated; the strengths read back as they were."""
    return ",".join(f"{movie}={float(strength)!r}" for movie, strength in fresh.items())


def plain_models(models: Mapping[int, ModelRef]) -> dict[str, list[str]]:
    """The models of a route as JSON and BSON have them."""
    return {str(arm): list(ref) for arm, ref in sorted(models.items())}


def models_of(plain: Mapping[str, list[str]]) -> dict[int, ModelRef]:
    """The inverse of `plain_models`."""
    return {int(arm): ModelRef(*ref) for arm, ref in plain.items()}


def plain_retrain(retrain: Retrain) -> dict[str, Any]:
    """A retrain as JSON and BSON have it."""
    return {**asdict(retrain), "window": list(retrain.window), "model": retrain.model and list(retrain.model)}


def retrain_of(plain: Mapping[str, Any]) -> Retrain:
    """The inverse of `plain_retrain`."""
    window, model = Window(*plain["window"]), plain["model"] and ModelRef(*plain["model"])
    return Retrain(**{**plain, "window": window, "model": model, "reasons": tuple(plain["reasons"])})
