"""The look-up of what a user did until now, alone: one user after the other, in this process."""

import random
import time
from collections.abc import Sequence
from contextlib import closing
from statistics import median
from typing import NamedTuple

from benchmarks.serving.worlds import World
from store.port import Store

_LOOKED_UP = 5_000


class LookUp(NamedTuple):
    """Medians over rounds: microseconds of CPU, and by the clock."""

    cpu: float
    clock: float


def measured(made: World, rounds: int) -> LookUp:
    """Of users whose model knows all that they did."""
    with closing(made.store()) as store:
        runs = [
            _once(store, random.Random(seed).choices(range(made.users), k=_LOOKED_UP))
            for seed in range(rounds)
        ]
    return LookUp(median(run.cpu for run in runs), median(run.clock for run in runs))


def _once(store: Store, chosen: Sequence[int]) -> LookUp:
    known = {user: {seen.movie for seen in store.history(user)} for user in set(chosen)}
    began = time.process_time(), time.perf_counter()
    for user in chosen:
        if store.history(user, known[user]):
            raise ValueError(f"user {user} did something since")
    each = 1e6 / len(chosen)
    return LookUp((time.process_time() - began[0]) * each, (time.perf_counter() - began[1]) * each)
