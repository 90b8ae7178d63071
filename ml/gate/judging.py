"""A model is loaded, asked and measured in a process of its own: what it does there harms nobody."""

import multiprocessing
from contextlib import closing
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from ml import artifact, snapshot
from ml.gate import answers, contest, verdict
from ml.gate.bar import Bar
from ml.gate.verdict import Verdict
from ml.knn import KnnModel
from ml.memory import give_back
from ml.tracking import RATINGS
from ml.trial import try_out
from store import open_store
from store.port import ModelRef, Store, StoreUnavailable


@dataclass(frozen=True)
class Case:
    """A model in a store, the one that it would replace (None for none), and the folder of its inputs."""

    store_url: str
    model: ModelRef
    serving: ModelRef | None
    folder: Path


def judged(case: Case, bar: Bar) -> Verdict:
    """The verdict on a model; one that breaks its process or does not end is refused for that."""
    processes = multiprocessing.get_context("spawn")
    here, there = processes.Pipe(duplex=False)
    process = processes.Process(target=_report, args=(case, bar, there), daemon=True)
    process.start()
    there.close()
    try:
        if not here.poll(bar.seconds):
            return Verdict((f"its trial did not end within {bar.seconds} s",), {})
        found = here.recv()
    except EOFError:
        process.join()
        return Verdict((f"the process that tried it out ended with status {process.exitcode}",), {})
    finally:
        process.kill()
        process.join()
    if isinstance(found, StoreUnavailable):
        raise found
    return Verdict(*found)


def _report(case: Case, bar: Bar, there: Connection) -> None:
    try:
        there.send(tuple(_tried(case, bar)))
    except StoreUnavailable as away:
        there.send(away)
    except Exception as error:  # a model can be broken in any way
        there.send((((f"{type(error).__name__}: {error}"),), {}))


def _tried(case: Case, bar: Bar) -> Verdict:
    table = snapshot.read(case.folder / RATINGS)
    give_back()
    with closing(open_store(case.store_url)) as store, TemporaryDirectory() as cache:
        model = artifact.fetch(store, case.model, Path(cache))
        return examined(model, serving(store, case.serving, Path(cache)), table, store, bar)


def examined(
    model: KnnModel, serving: KnnModel | None, table: pd.DataFrame, store: Store, bar: Bar
) -> Verdict:
    """The verdict on a loaded model and its snapshot; raises where the model cannot answer at all."""
    try_out(model)
    answered = answers.ask(model, table, bar)
    if answered.reasons:
        return answered
    found = verdict.judge(contest.hold(model, serving, table, store.histories, bar), bar)
    return Verdict(found.reasons, {**answered.figures, **found.figures})


def serving(store: Store, ref: ModelRef | None, cache: Path) -> KnnModel | None:
    """The serving model; none where it is broken, which no new model need match."""
    try:
        return ref and artifact.fetch(store, ref, cache)
    except artifact.BrokenModel:
        return None
