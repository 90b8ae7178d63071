"""Lines of several days, up to ten minutes out of order, some damaged."""

import random

from movielog.events import SECOND, Event, Rated, Requested, Watched
from movielog.format import format_event
from tests.movielog.recount import START

STATUSES = [200] * 16 + [0, 0, 400, 503]
LATE = 600


def some_lines(number: int, hours: float, seed: int) -> list[str]:
    """So many lines spread over so many hours."""
    chance = random.Random(seed)
    return [_line(chance, n * hours * 3600 / max(1, number)) for n in range(number)]


def _line(chance: random.Random, second: float) -> str:
    if chance.random() < 0.05:
        return f"damaged {second}"
    time = START + int(second + chance.uniform(-LATE, 0)) * SECOND
    event: Event = Requested(time, 7, "h:8082", chance.choice(STATUSES), ("up+2009",), "", _millis(chance))
    if chance.random() < 0.5:
        event = chance.choice([Watched(time, 7, "up+2009", 3), Rated(time, 7, "up+2009", 4.0)])
    return format_event(event).decode()


def _millis(chance: random.Random) -> int:
    return chance.choice([749, 750, 751, 0, 1, chance.randrange(2000), chance.randrange(60_000)])
