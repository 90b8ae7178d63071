"""How values of the domain are written, the same in every adapter."""

import json
from collections.abc import Mapping
from hashlib import blake2b

from movielog.events import Requested
from store.port import ModelRef


def minutes_bytes(minutes: int) -> bytes:
    """A set of minutes, bit i for minute i, as little-endian bytes without zeros at the end."""
    return minutes.to_bytes((minutes.bit_length() + 7) // 8, "little")


def minutes_from_bytes(packed: bytes) -> int:
    """The inverse of `minutes_bytes`."""
    return int.from_bytes(packed, "little")


def request_digest(request: Requested) -> bytes:
    """What tells a request from others of the same user and time: 12 bytes over the rest of its content."""
    rest = (request.server, str(request.status), str(request.millis), request.error, *request.movies)
    return blake2b("\n".join(rest).encode(), digest_size=12).digest()


def fresh_text(fresh: Mapping[str, float]) -> str:
    """`id=strength` comma-separated; the strengths read back as they were."""
    return ",".join(f"{movie}={float(strength)!r}" for movie, strength in fresh.items())


def models_text(models: Mapping[int, ModelRef]) -> str:
    """The models of a route as JSON: `{"1": [name, digest]}`."""
    return json.dumps({str(arm): list(ref) for arm, ref in sorted(models.items())})


def models_from_text(text: str) -> dict[int, ModelRef]:
    """The inverse of `models_text`."""
    return {int(arm): ModelRef(*ref) for arm, ref in json.loads(text).items()}
