"""One tracked retrain: data checks, snapshot, DVC stage, model, gate, store, route, push.

A killed one leaves nothing that serves; the next one undoes what is half made and begins anew.
"""

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from ml import artifact, routes, snapshot
from ml.data_checks import Counts, faults, malformed_lines
from ml.gate.judging import Case, judged
from ml.gate.verdict import Verdict
from ml.memory import give_back
from ml.retraining import inputs
from ml.retraining.inputs import Order
from ml.retraining.lease import Lease
from ml.retraining.parameters import Parameters
from ml.retraining.schedule import NEWEST
from ml.tracking import MODEL, Repository
from ml.training import last_day, model_name
from movielog.events import SECOND
from movielog.times import day_of
from store.port import (
    FAILED,
    PUBLISHED,
    REFUSED,
    RUNNING,
    UNFIT,
    Retrain,
    Store,
    StoreError,
    Window,
)

logger = logging.getLogger("retrain")

TIMELESS = "lines_without_time"
"""The figure of a retrain that says how many quarantined lines carried no time."""

_TRAIN = "python -m ml.retraining.train"


@dataclass(frozen=True)
class Workshop:
    """What a retrain works with; the lease is held by whoever runs one."""

    store: Store
    store_url: str
    repository: Repository
    lease: Lease
    parameters: Parameters
    split: str


def retrain(shop: Workshop, label: int, window: Window, newest: int) -> Retrain:
    """Make the model of a label and a window and let it serve, where data and model are good enough.

    `newest` is the time up to which the log is taken to go. The attempt is recorded whatever happens.
    """
    begun = Retrain(model_name(label, window), label, window, time.time_ns(), None, RUNNING)
    begun = replace(begun, figures={NEWEST: newest / SECOND})
    shop.store.record_retrain(begun)
    logger.info("%s: from %s to %s", begun.name, day_of(window.start), last_day(window))
    try:
        ended = _made(shop, begun)
    except BaseException as error:
        with suppress(StoreError):
            _end(shop, replace(begun, outcome=FAILED, reasons=(f"{type(error).__name__}: {error}",)))
        raise
    return ended


def push(shop: Workshop) -> None:
    """Push what waits; where the remote is away it goes on waiting."""
    if not shop.repository.backlog():
        return
    with shop.repository.in_hand(), _step("pushed"):
        shop.repository.push()


def _end(shop: Workshop, attempt: Retrain) -> Retrain:
    ended = replace(attempt, ended=time.time_ns())
    shop.store.record_retrain(ended)
    logger.info("%s: %s%s", ended.name, ended.outcome, "".join(f"\n  {why}" for why in ended.reasons))
    return ended


def close_killed(store: Store) -> None:
    """Say of the retrains that ended without a word how they ended. Only while no other one runs."""
    for attempt in store.retrains():
        if attempt.outcome == RUNNING:
            store.record_retrain(_found_dead(store, attempt))


def _found_dead(store: Store, attempt: Retrain) -> Retrain:
    routed = [
        ref
        for route in store.routes()
        if route.time >= attempt.started and (ref := route.models.get(attempt.label))
        if ref.name == attempt.name
    ]
    if routed:
        return replace(attempt, ended=time.time_ns(), outcome=PUBLISHED, model=routed[-1])
    logger.warning("%s: an earlier attempt was killed", attempt.name)
    return replace(attempt, ended=time.time_ns(), outcome=FAILED, reasons=("it was killed",))


def _made(shop: Workshop, attempt: Retrain) -> Retrain:
    with _step("data read and checked"):
        table, counts = snapshot.counted(shop.store, attempt.window)
        found, timeless = _amiss(shop, attempt, counts)
    attempt = _with_figures(attempt, {TIMELESS: timeless})
    if found:
        return _end(shop, replace(attempt, outcome=UNFIT, reasons=tuple(found)))
    with shop.repository.in_hand():
        folder = _written(shop, attempt, table)
        del table
        give_back()
        return _tracked(shop, attempt, folder)


def _amiss(shop: Workshop, attempt: Retrain, counts: Counts) -> tuple[list[str], int]:
    """What is wrong with the window, and the quarantined lines without a time."""
    inside, timeless = malformed_lines(shop.store.quarantined(), attempt.window)
    known = [
        int(earlier.figures[TIMELESS]) for earlier in shop.store.retrains() if TIMELESS in earlier.figures
    ]
    malformed = inside + max(0, timeless - (known[-1] if known else 0))
    return list(faults(counts, malformed, attempt.window, shop.parameters.data)), timeless


def _written(shop: Workshop, attempt: Retrain, table: pd.DataFrame) -> Path:
    """The folder with all that the model is made from."""
    folder = shop.repository.start(attempt.name)
    with _step(f"snapshot of {len(table):,} rows written"):
        knn, split = shop.parameters.knn, shop.split
        inputs.write(table, Order(attempt.name, attempt.label, attempt.window, knn, split), folder)
    return folder


def _tracked(shop: Workshop, attempt: Retrain, folder: Path) -> Retrain:
    repository = shop.repository
    with _step("trained"):
        repository.run(attempt.name, [*_TRAIN.split(), attempt.name])
    with _step("kept"):
        ref = artifact.ref_of(folder / MODEL)
        repository.keep(ref, f"{attempt.name}, SHA-256 {ref.digest}")
        shop.store.save_model(ref, folder / MODEL)
    with _step("judged"):
        case = Case(
            shop.store_url, ref, routes.both(routes.serving(shop.store.routes())).get(attempt.label), folder
        )
        verdict = judged(case, shop.parameters.gate)
    return _decided(shop, replace(attempt, model=ref), verdict)


def _decided(shop: Workshop, attempt: Retrain, verdict: Verdict) -> Retrain:
    attempt = _with_figures(attempt, verdict.figures)
    if verdict.reasons:
        return _end(shop, replace(attempt, outcome=REFUSED, reasons=verdict.reasons))
    shop.lease.make_sure(shop.store)
    assert attempt.model
    if routes.serving(shop.store.routes()).get(attempt.label) != attempt.model:
        why = f"retrained on {day_of(attempt.window.start)} to {last_day(attempt.window)}, passed the gate"
        routes.publish(shop.store, attempt.label, attempt.model, why)
    return _end(shop, replace(attempt, outcome=PUBLISHED))


def _with_figures(attempt: Retrain, figures: Mapping[str, float]) -> Retrain:
    return replace(attempt, figures={**attempt.figures, **figures})


@contextmanager
def _step(done: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    logger.info("%s in %.1f s", done, time.perf_counter() - started)
