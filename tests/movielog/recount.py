"""Lines, and the slow, obviously right way from them to what a store must hold."""

import random
import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import pandas as pd

from movielog.events import DAY, SECOND, Event, Rated, Requested, Watched
from movielog.format import format_event
from store.port import Store, Window

ALL = Window(0, 2**63 - 1)
START = 19_000 * DAY


def some_lines(number: int, seed: int = 1) -> list[str]:
    """Lines of a few users around midnight, in no order, one of twenty damaged."""
    chance = random.Random(seed)
    return [_line(chance, n) for n in range(number)]


def _line(chance: random.Random, number: int) -> str:
    when, user = START + chance.randrange(-6000, 6000) * SECOND, chance.randrange(8)
    movie = chance.choice(["up+2009", "heat+1995", "amélie+2001"])
    events: list[Event] = [
        Watched(when, user, movie, chance.randrange(90)),
        Rated(when, user, movie, float(chance.randint(1, 5))),
        Requested(when, user, "h:8082", 200, (movie, "alien+1979"), "", chance.randrange(900)),
    ]
    (event,) = chance.choices(events, [90, 5, 5])
    return f"damaged {number}" if chance.random() < 0.05 else format_event(event).decode()


def recount(lines: Iterable[str]) -> dict[str, list[tuple[Any, ...]]]:
    """Rows of each frame that the store must hold for plain lines: UTC, whole seconds, sound or `damaged`."""
    minutes: dict[tuple[int, int, str], dict[int, set[int]]] = {}
    ratings, requests = set(), set()
    for line in lines:
        stamp, user, told = (*line.split(",", 2), "", "")[:3]
        if line.startswith("damaged"):
            continue
        time = int(datetime.fromisoformat(f"{stamp}+00:00").timestamp()) * SECOND
        if watched := re.fullmatch(r"GET /data/m/(.*)/(\d+)\.mpg", told):
            seen = minutes.setdefault((time // DAY, int(user), watched[1]), {})
            seen.setdefault(time, set()).add(int(watched[2]))
        elif rated := re.fullmatch(r"GET /rate/(.*)=(.)", told):
            ratings.add((int(user), rated[1], time, float(rated[2])))
        elif asked := re.fullmatch(
            r"recommendation request (.*), status (\d+), result: (.*), (\d+) ms", told
        ):
            requests.add(
                (int(user), time, asked[1], int(asked[2]), int(asked[4]), asked[3].replace(", ", ","), "")
            )
    watches = [_watch(user, movie, seen) for (_, user, movie), seen in minutes.items()]
    return {"watches": sorted(watches), "ratings": sorted(ratings), "requests": sorted(requests)}


def _watch(user: int, movie: str, seen: dict[int, set[int]]) -> tuple[Any, ...]:
    """`seen` are the minutes by time."""
    all_minutes = set().union(*seen.values())
    return user, movie, min(seen), max(seen), min(all_minutes), max(all_minutes), len(all_minutes)


def held(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of the store's frames, in the shape of `recount`."""
    frames = {"watches": store.watches(ALL), "ratings": store.ratings(ALL), "requests": store.requests(ALL)}
    return {name: _rows(frame) for name, frame in frames.items()}


def _rows(frame: pd.DataFrame) -> list[tuple[Any, ...]]:
    return sorted(frame.itertuples(index=False, name=None))
